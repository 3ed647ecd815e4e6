"""What the shape of a curve says, in numbers that a single odd point does not move. Pure."""

import numpy

from engine.runs.doctor.evidence import Curve, Numbers

MEDIAN_ERROR = 1.2533  # standard error of a median over that of a mean, for a normal distribution
DEVIATION = 1.4826  # standard deviation over median absolute deviation, likewise
LEAST_WINDOW, WINDOWS = 5, 20  # points; windows in a curve


def middle(values: Numbers) -> float:
    """The median."""
    return float(numpy.median(values))


def first_quarter(curve: Curve) -> Numbers:
    return curve.values[: max(1, len(curve) // 4)]


def last_quarter(curve: Curve) -> Numbers:
    return curve.values[-max(1, len(curve) // 4) :]


def quarter_begins(curve: Curve) -> int:
    """The step at which the last quarter begins."""
    return int(curve.steps[-max(1, len(curve) // 4)])


def noise(values: Numbers) -> float:
    """The standard deviation of one point about the curve, from the differences of neighbours."""
    differences = numpy.diff(values)
    if differences.size == 0:
        return 0.0
    return float(DEVIATION * numpy.median(numpy.abs(differences - numpy.median(differences))) / numpy.sqrt(2))


def window(curve: Curve) -> int:
    """How many points make up one of its windows."""
    return max(LEAST_WINDOW, len(curve) // WINDOWS)


def rolling(values: Numbers, width: int) -> Numbers:
    """The medians of every `width` points in a row: the n-th is of the points n to n + width - 1."""
    if values.size < width:
        return numpy.empty(0)
    medians: Numbers = numpy.median(numpy.lib.stride_tricks.sliding_window_view(values, width), axis=1)
    return medians


def spread(values: Numbers, width: int) -> float:
    """How far nine in ten points lie from the median of the `width` points about them, at most.

    Unlike `noise` it holds for batches of two kinds, of which one is harder.
    """
    medians = rolling(values, width)
    if medians.size == 0:
        return 0.0
    half = width // 2
    return float(numpy.quantile(numpy.abs(values[half : half + medians.size] - medians), 0.9))


def fall(curve: Curve) -> tuple[float, float]:
    """How much lower the last quarter lies than the first, and the standard error of that."""
    first, last = first_quarter(curve), last_quarter(curve)
    error = MEDIAN_ERROR * noise(curve.values) * float(numpy.sqrt(1 / first.size + 1 / last.size))
    return middle(first) - middle(last), error


def begin_of_end(curve: Curve, holds: "numpy.ndarray[tuple[int], numpy.dtype[numpy.bool_]]") -> int:
    """The step since which `holds` (of each point) is true up to the end; that of the last point if of none."""
    broken = numpy.flatnonzero(~holds)
    start = 0 if broken.size == 0 else min(int(broken[-1]) + 1, len(curve) - 1)
    return int(curve.steps[start])
