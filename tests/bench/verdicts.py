"""How often a report is wrong about two models that are equal: `python -m tests.bench.verdicts [--comparisons 2000]`.

Simulates comparisons of equals at 20, 40 and 200 rows, with right-or-wrong, skewed and clustered scores, through the
report's own code. Prints how often it called one of them better or worse (at most 6 % may be), and how often the
interval held the true difference (93 to 97 %). Right-or-wrong scores are decided by McNemar's exact test, which is
stricter than 5 % as long as few rows differ: their interval agrees with it, and so holds zero more often than 97 %.
Below: a true difference that is not zero, and differences that are skewed themselves.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.evaluate.statistics.compare import compare

Floats = npt.NDArray[np.float64]
Generator = np.random.Generator
SIZES = (20, 40, 200)
RESAMPLES = 1999  # a report takes 9,999: the same ends, a little steadier


class Sample(NamedTuple):
    """Scores of two models on the same rows, the clusters of the rows, and the true difference."""

    base: Floats
    tuned: Floats
    clusters: list[int] | None
    truth: float
    binary: bool


class Outcome(NamedTuple):
    """Shares of the comparisons, and the width of the interval in the middle of them."""

    wrong: float
    covered: float
    width: float


def binary(generator: Generator, rows: int, gain: float = 0.0) -> Sample:
    """Each row is easy or hard for both; half of the rows come out alike."""
    share = generator.beta(1, 1, rows) * (1 - gain)
    base, tuned = generator.random(rows) < share, generator.random(rows) < share + gain
    return Sample(base.astype(float), tuned.astype(float), None, gain, True)


def skewed(generator: Generator, rows: int) -> Sample:
    """As losses are: many small, a few ten times as large."""
    hardness = generator.lognormal(0, 0.5, rows)
    base, tuned = (hardness * generator.lognormal(0, 1, rows) for _ in range(2))
    return Sample(base, tuned, None, 0.0, False)


def mostly_same(generator: Generator, rows: int) -> Sample:
    """As F1 of words: two thirds of the rows get the same from both."""
    base = generator.beta(1, 3, rows)
    tuned = np.where(generator.random(rows) < 0.33, generator.beta(1, 3, rows), base)
    return Sample(base, tuned, None, 0.0, False)


def clustered(generator: Generator, groups: int) -> Sample:
    """One to seven rows a conversation, of which each model likes some and others not."""
    sizes = generator.integers(1, 8, groups)
    clusters = np.repeat(np.arange(groups), sizes)
    base, tuned = (generator.normal(0, 1, groups)[clusters] + generator.exponential(1, len(clusters)) for _ in range(2))
    return Sample(base, tuned, clusters.tolist(), 0.0, False)


def clustered_binary(generator: Generator, groups: int) -> Sample:
    sizes = generator.integers(1, 8, groups)
    clusters = np.repeat(np.arange(groups), sizes)
    base, tuned = (
        (generator.random(len(clusters)) < generator.beta(1, 1, groups)[clusters]).astype(float) for _ in range(2)
    )
    return Sample(base, tuned, clusters.tolist(), 0.0, True)


def skewed_difference(generator: Generator, rows: int) -> Sample:
    """Mostly a little worse, sometimes much better; on average the same."""
    return Sample(np.zeros(rows), generator.exponential(1, rows) - 1, None, 0.0, False)


EQUALS: dict[str, Callable[[Generator, int], Sample]] = {
    "binary": binary,
    "skewed": skewed,
    "mostly the same": mostly_same,
    "clustered": clustered,
    "clustered, binary": clustered_binary,
}
UNEQUALS: dict[str, Callable[[Generator, int], Sample]] = {
    "binary, 15 points better": lambda generator, rows: binary(generator, rows, 0.15),
    "skewed differences": skewed_difference,
}


def simulated(make: Callable[[Generator, int], Sample], rows: int, comparisons: int, resamples: int) -> Outcome:
    """What the report's code says of so many samples, always the same ones."""
    generator, outcomes = np.random.default_rng(rows), []
    for number in range(comparisons):
        sample = make(generator, rows)
        found = compare(
            sample.base.tolist(),
            sample.tuned.tolist(),
            sample.clusters,
            binary=sample.binary,
            better="higher",
            seed=number,
            resamples=resamples,
        )
        assert found.low is not None
        assert found.high is not None
        assert (found.verdict == "no_proof") == (found.low <= 0 <= found.high)
        covered = found.low <= sample.truth <= found.high
        outcomes.append((found.verdict != "no_proof", covered, found.high - found.low))
    wrong, covers, widths = zip(*outcomes, strict=True)
    return Outcome(float(np.mean(wrong)), float(np.mean(covers)), float(np.median(widths)))


def lines(comparisons: int, resamples: int) -> Iterator[str]:
    yield f"{comparisons} comparisons each, {resamples} resamples; n: independent rows or conversations"
    yield f"{'equals':26} {'n':>4} {'wrong verdicts':>15} {'coverage':>9} {'width':>7} {'seconds':>8}"
    for name, make in EQUALS.items():
        for rows in SIZES:
            started = time.process_time()
            found = simulated(make, rows, comparisons, resamples)
            seconds = time.process_time() - started
            yield f"{name:26} {rows:4} {found.wrong:14.1%} {found.covered:9.1%} {found.width:7.2f} {seconds:8.1f}"
    yield f"{'not equal':26} {'n':>4} {'':>15} {'coverage':>9} {'width':>7}"
    for name, make in UNEQUALS.items():
        for rows in SIZES:
            found = simulated(make, rows, comparisons, resamples)
            yield f"{name:26} {rows:4} {'':15} {found.covered:9.1%} {found.width:7.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comparisons", type=int, default=2000)
    parser.add_argument("--resamples", type=int, default=RESAMPLES)
    arguments = parser.parse_args()
    for line in lines(arguments.comparisons, arguments.resamples):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
