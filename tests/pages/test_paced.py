"""What is drawn at most so often is drawn in time, whatever follows: nothing is lost, nothing comes late."""

import threading
import time
from collections.abc import Generator

import pytest

from pages.parts import paced
from tests.waiting import wait_for

SECONDS = 0.05


def test_the_last_words_before_a_pause_are_given_while_it_lasts() -> None:
    goes_on, is_closed = threading.Event(), threading.Event()

    def words() -> Generator[str]:
        try:
            yield from ("one", "two", "three")
            goes_on.wait(60)
            yield "four"
        finally:
            is_closed.set()

    groups = paced.groups(words(), SECONDS)
    given: list[str] = []
    while len(given) < 3:  # without an end of the pause
        given += next(groups)
    assert given == ["one", "two", "three"]
    goes_on.set()
    assert list(groups) == [["four"]]
    assert is_closed.wait(60)


def test_a_flood_comes_in_few_groups_in_its_order_and_whole() -> None:
    groups = list(paced.groups((number for number in range(20_000)), 60))
    assert [number for group in groups for number in group] == list(range(20_000))
    assert len(groups) <= 2  # what came at once, and all else together


def test_what_breaks_off_raises_after_all_that_came_before() -> None:
    def words() -> Generator[str]:
        yield "one"
        yield "two"
        raise LookupError("torn")

    given: list[str] = []
    with pytest.raises(LookupError, match="torn"):
        given.extend(word for group in paced.groups(words(), 60) for word in group)
    assert given == ["one", "two"]
    nothing: list[str] = []
    assert list(paced.groups((word for word in nothing), 60)) == []


def test_a_flood_without_end_is_given_all_the_same_and_ends_with_who_reads_it() -> None:
    is_closed = threading.Event()

    def numbers() -> Generator[int]:
        try:
            for number in range(10**7):
                time.sleep(0)  # to the other thread
                yield number
        finally:
            is_closed.set()

    groups = paced.groups(numbers(), SECONDS)
    assert next(groups)[0] == 0
    groups.close()
    assert is_closed.wait(60)
    wait_for(lambda: not any(thread.name == "paced" for thread in threading.enumerate()), 60)
