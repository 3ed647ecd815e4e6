"""Scores of rows from what a model thinks likely: what a worker measured, made into the measures' numbers."""

from collections.abc import Sequence


def preference(chosen: float, rejected: float) -> tuple[float, float]:
    """(accuracy, margin) of one preference row, from the mean log-probability a token of both answers, or from both
    rewards of a reward model. A tie counts as wrong."""
    return float(chosen > rejected), chosen - rejected


def unpaired_margins(logps: Sequence[float], labels: Sequence[bool]) -> list[float]:
    """A number a row, from the mean log-probability a token of its answer and whether that answer is a good one.

    Their mean is the mean of the good answers less the mean of the bad ones, however many there are of each, so that a
    model that finds everything less likely gains nothing. Where there is one label only, it is that mean alone.
    """
    rows, good = len(labels), sum(labels)
    both = 0 < good < rows
    weights = {True: rows / good if both else 1.0, False: -rows / (rows - good) if both else -1.0}
    return [logp * weights[bool(label)] for logp, label in zip(logps, labels, strict=True)]
