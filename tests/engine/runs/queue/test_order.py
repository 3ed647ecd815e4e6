"""The order of the queue as plain values."""

import pytest

from engine.errors import ConflictError
from engine.runs.queue import order
from storage.queued.order import Place

LINE = [Place("a", 0, 1.0), Place("b", 0, 2.0), Place("c", 0, 3.0), Place("d", 0, 4.0)]
NAMES = {name: name.upper() for name in "abcdef"}


def after(line: list[Place], changes: order.Changes) -> list[str]:
    """The order once the changes are in."""
    places = [Place(place.id, *changes.get(place.id, place[1:])) for place in line]
    return [place.id for place in sorted(places, key=lambda place: (-place.priority, place.position))]


def test_a_move_changes_the_run_that_moves_and_no_other() -> None:
    for run_id, before, expected in (
        ("d", "a", "dabc"),
        ("d", "b", "adbc"),
        ("a", "d", "bcad"),
        ("a", None, "bcda"),
        ("b", None, "acdb"),
    ):
        changes = order.moved(LINE, run_id, before)
        assert (list(changes), "".join(after(LINE, changes))) == ([run_id], expected)


def test_a_run_that_stands_there_already_stays() -> None:
    assert after(LINE, order.moved(LINE, "b", "c")) == list("abcd")
    assert after(LINE, order.moved(LINE, "d", None)) == list("abcd")


def test_what_comes_later_stays_behind_a_run_that_was_moved_to_the_end() -> None:
    ((_, position),) = order.moved(LINE, "a", None).values()
    assert LINE[-1].position < position < LINE[-1].position + 0.01


def test_runs_of_the_same_instant_are_numbered_anew_and_later_ones_stay_behind() -> None:
    line = [Place(name, 0, 5.0) for name in "abcd"]
    changes = order.moved(line, "d", "b")
    assert after(line, changes) == list("adbc")
    assert max(position for _, position in changes.values()) <= 5.0


def test_halving_the_same_gap_a_hundred_times_keeps_the_order() -> None:
    line = list(LINE)
    for turn in range(100):
        run_id = "cd"[turn % 2]
        changes = order.moved(line, run_id, "b")
        line = [Place(place.id, *changes.get(place.id, place[1:])) for place in line]
        line.sort(key=lambda place: place.position)
        assert [place.id for place in line] == ["a", "dc"[turn % 2], run_id, "b"] or turn == 0


def test_a_place_among_others_brings_the_priority_that_it_asks_for() -> None:
    line = [Place("a", 10, 3.0), Place("b", 10, 4.0), Place("c", 0, 1.0), Place("d", -5, 2.0)]
    assert order.moved(line, "d", "a") == {"d": (10, 2.0)}  # before all: as urgent as the first
    assert order.moved(line, "d", "b")["d"][0] == 10
    assert order.moved(line, "c", "b")["c"] == (10, 3.5)
    assert order.moved(line, "a", None)["a"][0] == -5  # behind all: as little as the last
    assert order.moved(line, "a", "c") == {"a": (10, 4.001)}  # its own priority will do there
    for run_id, before, expected in (("d", "a", "dabc"), ("c", "b", "acbd"), ("a", None, "bcda"), ("a", "c", "bacd")):
        assert "".join(after(line, order.moved(line, run_id, before))) == expected


def test_named_runs_take_the_places_they_have_among_them() -> None:
    changes = order.reordered(LINE, ["d", "a"], NAMES)
    assert after(LINE, changes) == list("dbca")
    assert set(changes) == {"a", "d"}
    assert after(LINE, order.reordered(LINE, list("dcba"), NAMES)) == list("dcba")
    assert order.reordered(LINE, list("abcd"), NAMES) == {}


def test_an_order_of_runs_that_came_in_the_same_instant_counts_too() -> None:
    line = [Place(name, 0, 5.0) for name in "abcd"]
    assert after(line, order.reordered(line, ["c", "b"], NAMES)) == list("acbd")


def test_an_order_against_the_priorities_is_refused_with_both_names() -> None:
    line = [Place("a", 10, 1.0), Place("b", 0, 2.0)]
    with pytest.raises(ConflictError, match=r"`B` \(priority 0\) cannot stand before `A` \(priority 10\)"):
        order.reordered(line, ["b", "a"], NAMES)
