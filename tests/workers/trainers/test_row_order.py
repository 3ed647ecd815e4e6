"""The order of rows repeats itself, uses every row once, and shows a first point soon."""

import itertools

import numpy
import pytest

from engine.workers.trainers.row_order import RowOrder

LENGTHS = numpy.random.default_rng(0).integers(5, 500, 403).tolist()


def order(strategy: str, epoch: int = 0, seed: int = 1) -> list[int]:
    rows = RowOrder(strategy, LENGTHS, 4, seed)
    rows.set_epoch(epoch)
    assert len(rows) == len(LENGTHS)
    return list(rows)


@pytest.mark.parametrize("strategy", ["sequential", "random", "group_by_length"])
def test_every_row_comes_once_and_again_in_the_same_order(strategy: str) -> None:
    assert sorted(order(strategy)) == list(range(len(LENGTHS)))
    assert order(strategy) == order(strategy)


@pytest.mark.parametrize("strategy", ["random", "group_by_length"])
def test_epochs_and_seeds_differ(strategy: str) -> None:
    assert order(strategy) != order(strategy, epoch=1)
    assert order(strategy) != order(strategy, seed=2)


def padding(indices: list[int]) -> int:
    batches = [[LENGTHS[row] for row in indices[start : start + 4]] for start in range(0, len(indices), 4)]
    return sum(max(batch) * len(batch) - sum(batch) for batch in batches)


def test_grouping_by_length_saves_most_of_the_padding() -> None:
    assert padding(order("group_by_length")) < padding(order("random")) / 5
    assert padding(order("group_by_length", epoch=1)) < padding(order("random")) / 5


def test_the_shortest_batch_comes_first_and_the_longest_second() -> None:
    rows = [LENGTHS[row] for row in order("group_by_length")]
    assert max(rows[:4]) <= min(max(rows[start : start + 4]) for start in range(0, 400, 4))
    assert max(rows[4:8]) == max(LENGTHS)


def test_long_and_short_steps_alternate() -> None:
    rows = [LENGTHS[row] for row in order("group_by_length")]
    longest = [max(rows[start : start + 4]) for start in range(8, 400, 4)]
    falls = sum(after < before for before, after in itertools.pairwise(longest))
    assert 0.35 < falls / (len(longest) - 1) < 0.65


def test_a_few_rows_are_enough() -> None:
    assert sorted(RowOrder("group_by_length", [5, 3], 4, 0)) == [0, 1]
