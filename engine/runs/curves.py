"""A long curve thinned for drawing, so that nothing a person would notice gets lost."""

Points = list[tuple[int, float]]  # step, value


def thin(points: Points, most: int) -> Points:
    """At most `most` of the points, in order: the least and the greatest of each bin of steps, and the last point.

    Bins begin at multiples of their width, a power of two, so a curve that grows keeps its bins; once it outgrows
    them, each two become one. A spike of a single step therefore stays visible, and nothing shimmers.
    """
    if len(points) <= most:
        return points
    most_bins = max(1, (most - 1) // 2)
    width = 1
    while len(bins := {step // width for step, _ in points}) > most_bins:
        width *= 2 ** max(1, (len(bins) // most_bins).bit_length() - 1)
    lows: dict[int, tuple[int, float]] = {}
    highs: dict[int, tuple[int, float]] = {}
    for point in points:
        bin_, value = point[0] // width, point[1]
        if bin_ not in lows or value < lows[bin_][1]:
            lows[bin_] = point
        if bin_ not in highs or value > highs[bin_][1]:
            highs[bin_] = point
    return sorted({*lows.values(), *highs.values(), points[-1]})
