"""Held-out rows are decided by what rows say: not by their order, nor by what else is learnt or how."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from engine.rows.heldout import amount, choice, groups, hold_out, reading, record
from engine.rows.heldout.record import Record
from tests.engine.rows import stored_rows
from tests.engine.rows.stored_rows import assistant, chat, user

Rows = Sequence[dict[str, Any]]
PARTS = ("eval", "test")
FEW_EXAMPLES = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WORDS = [f"w{number:x}ord" for number in range(4000)]


def talk(number: int, words: int = 12) -> dict[str, Any]:
    """A chat like no other."""
    say = Random(number)
    return chat(" ".join(say.choices(WORDS, k=words)), " ".join(say.choices(WORDS, k=words)))


def divided(
    folder: Path, rows: Rows, fraction: float | None = None, family: str = "family", earlier: Record | None = None
) -> Record:
    kind = "completion" if "completion" in rows[0] and "label" not in rows[0] else "chat"
    path = stored_rows.parquet(folder / "rows.parquet", kind, rows)  # type: ignore[arg-type]
    return hold_out.hold_out(hold_out.Rows(path, kind, family), fraction, folder, earlier)


def contents(rows: Rows, held_out: Record) -> dict[str, set[str]]:
    """What each part says; "" is what is learnt."""
    told = {part: {json.dumps(rows[at]) for at in held_out.positions(part).tolist()} for part in PARTS}
    return told | {"": {json.dumps(row) for row in rows} - told["eval"] - told["test"]}


@pytest.mark.parametrize(
    ("rows", "fraction", "expected"),
    [
        (0, None, (0, 0)),
        (199, None, (0, 0)),
        (200, None, (20, 0)),
        (399, None, (40, 0)),
        (400, None, (20, 0)),
        (780, None, (39, 0)),
        (800, None, (20, 20)),
        (2400, None, (60, 60)),
        (10_000, None, (250, 250)),
        (10_001, None, (125, 125)),
        (20_000, None, (250, 250)),
        (1_000_000, None, (196, 195)),
        (1, 0.5, (0, 0)),
        (2, 0.5, (1, 0)),
        (100, 0.3, (30, 0)),
        (100, 0.5, (25, 25)),
        (100_000, 0.1, (5000, 5000)),
        (100_000, 0.0, (0, 0)),
    ],
)
def test_how_many_rows_are_held_out_follows_from_how_many_there_are(
    rows: int, fraction: float | None, expected: tuple[int, int]
) -> None:
    wanted = amount.held_out_amount(rows, fraction)
    assert (wanted.eval, wanted.test) == expected


@given(rows=some.integers(200, 3_000_000))
def test_the_default_holds_out_from_20_to_500_rows_and_never_more_than_a_tenth(rows: int) -> None:
    wanted = amount.held_out_amount(rows, None)
    assert 20 <= wanted.held_out <= min(500, rows / 10 + 1)
    least, most = wanted.bounds(by_default=True)
    assert 16 <= least <= most
    assert most * wanted.parts <= 500


def test_what_will_be_held_out_is_said_in_a_line() -> None:
    told = {rows: amount.in_words(amount.held_out_amount(rows, None), None) for rows in (100, 300, 2400)}
    assert told[2400] == "5 % held out: about 60 rows for the curve, 60 for the report."
    assert "about 30 rows, for the curve. Too few for a report" in told[300]
    assert "100 are too few" in told[100]
    assert "No rows are held out" in amount.in_words(amount.held_out_amount(2400, 0.0), 0.0)


@FEW_EXAMPLES
@given(order=some.randoms(use_true_random=False), count=some.integers(150, 900))
def test_the_order_of_rows_does_not_matter(tmp_path: Path, order: Any, count: int) -> None:
    rows = [talk(number) for number in range(count)]
    shuffled = order.sample(rows, len(rows))
    assert contents(rows, divided(tmp_path, rows)) == contents(shuffled, divided(tmp_path, shuffled))


@FEW_EXAMPLES
@given(count=some.integers(200, 1200), fraction=some.sampled_from([None, 0.05, 0.2]))
def test_as_many_are_held_out_as_was_said(tmp_path: Path, count: int, fraction: float | None) -> None:
    wanted = amount.held_out_amount(count, fraction)
    held_out = divided(tmp_path, [talk(number) for number in range(count)], fraction)
    least, most = wanted.bounds(fraction is None)
    for part in PARTS[: wanted.parts]:
        assert least <= len(held_out.positions(part)) <= most
    assert wanted.parts == 2 or not len(held_out.positions("test"))


@FEW_EXAMPLES
@given(before=some.integers(500, 1100), added=some.integers(1, 400), removed=some.integers(0, 60))
def test_a_row_that_a_version_holds_out_is_learnt_by_the_next_only_if_the_cut_moved(
    tmp_path: Path, before: int, added: int, removed: int
) -> None:
    """All versions of a family cut at the same place between 400 and 10,000 rows, but where a part has its bounds.

    Of 800 rows or more a part of what is held out is for the report; of fewer, all of it is for the curve.
    """
    rows = [talk(number) for number in range(before)]
    later_rows = rows[removed:] + [talk(number) for number in range(5000, 5000 + added)]
    now, later = contents(rows, divided(tmp_path, rows)), contents(later_rows, divided(tmp_path, later_rows))
    common = {json.dumps(row) for row in rows[removed:]}
    both = [(now[part] & common, later[part] & common) for part in PARTS]
    if bool(now["test"]) != bool(later["test"]):
        both = [(both[0][0] | both[1][0], both[0][1] | both[1][1])]
    for earlier_part, later_part in both:
        assert len(earlier_part - later_part) + len(later_part - earlier_part) <= 10
    if now["test"] and later["test"]:
        assert all(one <= other or other <= one for one, other in both)  # one of them cuts lower
        assert not now["eval"] & later["test"]  # nothing changes from one part to the other
        assert not now["test"] & later["eval"]


def test_rows_below_the_cut_stay_held_out_while_a_dataset_grows() -> None:
    keys = groups.splitmix64(np.arange(4000, dtype=np.uint64))
    held_before: set[int] = set()
    for count in range(1000, 4001, 250):
        wanted = choice.Wanted(amount.held_out_amount(count, 0.2), by_default=False)
        sides = choice.sides(keys[:count], wanted, np.zeros(count, np.uint8))
        held = set(np.flatnonzero(sides).tolist())
        assert held_before <= held
        held_before = held


def test_another_family_holds_out_other_rows(tmp_path: Path) -> None:
    rows = [talk(number) for number in range(1000)]
    one, other = divided(tmp_path, rows), divided(tmp_path, rows, family="other")
    assert len(set(one.positions("eval")) & set(other.positions("eval"))) < 10


@FEW_EXAMPLES
@given(seed=some.integers(0, 10_000), size=some.integers(2, 8))
def test_near_duplicates_stay_on_one_side(tmp_path: Path, seed: int, size: int) -> None:
    """Families of rows that differ in one word of sixty."""
    rows = []
    for number in range(120):
        say = Random(f"{seed} {number}")
        words = say.choices(WORDS, k=60)
        for _ in range(size if number % 2 else 1):
            words[say.randrange(25, 35)] = say.choice(WORDS)
            rows.append(chat(f"{number} {seed} " + " ".join(words[:2]), " ".join(words)))
    held_out = divided(tmp_path, rows, 0.2)
    sides = contents(rows, held_out)
    assert sides["eval"]
    families = [{json.loads(row)["messages"][0]["content"] for row in sides[part]} for part in ("eval", "test", "")]
    assert not families[0] & families[2]
    assert not families[1] & families[2]
    assert not families[0] & families[1]


def test_near_duplicates_without_a_common_question_are_found_too(tmp_path: Path) -> None:
    rows, family = [], {}
    for number in range(400):
        words = Random(number).choices(WORDS, k=80)
        for copy in range(2):
            row = chat(" ".join([*words[:10], f"x{copy}"]), " ".join(words[10:]))
            family[json.dumps(row)] = number
            rows.append(row)
    sides = contents(rows, divided(tmp_path, rows))
    held = {family[row] for part in PARTS for row in sides[part]}
    assert len(held) >= 15
    assert not held & {family[row] for row in sides[""]}


def test_rows_of_one_conversation_stay_on_one_side(tmp_path: Path) -> None:
    """By their number in a column, and where one row is the beginning of another."""
    rows = []
    for number in range(300):
        for part in range(3):
            rows.append(talk(1000 * number + part) | {"extra": {"conversation_id": f"c{number}", "part": part}})
        turns = [user(f"Question {number} about {Random(number).choice(WORDS)}"), assistant("Yes. " + WORDS[number])]
        rows.append({"messages": turns})
        rows.append({"messages": [*turns, user("Why?"), assistant(" ".join(Random(-number).choices(WORDS, k=40)))]})
    held_out = divided(tmp_path, rows)
    sides = np.zeros(len(rows), int)
    for side, name in enumerate(PARTS, 1):
        sides[held_out.positions(name)] = side
    by_conversation = sides.reshape(300, 5)
    assert (by_conversation[:, :3].min(axis=1) == by_conversation[:, :3].max(axis=1)).all()
    assert (by_conversation[:, 3] == by_conversation[:, 4]).all()
    assert set(sides.tolist()) == {0, 1, 2}


def test_rows_written_to_a_pattern_are_still_divided(tmp_path: Path) -> None:
    """A thousand rows that differ in three words are no duplicates of one row."""
    pattern = " ".join(Random(1).choices(WORDS, k=60))
    rows = [chat(f"{pattern} {WORDS[number]}", f"{WORDS[number]} it is") for number in range(1000)]
    held_out = divided(tmp_path, rows)
    assert 40 <= len(held_out) <= 60
    assert held_out.about["alike"] == 1000


def test_one_question_for_all_rows_makes_no_conversation_of_them(tmp_path: Path) -> None:
    rows = [chat("Tell me a joke.", " ".join(Random(number).choices(WORDS, k=20))) for number in range(500)]
    assert 20 <= len(divided(tmp_path, rows)) <= 30


def test_a_row_that_fills_the_dataset_is_not_held_out(tmp_path: Path) -> None:
    rows = [chat("Hello", "Hi")] * 400 + [talk(number) for number in range(400)]
    held_out = divided(tmp_path, rows)
    assert held_out.positions("eval").min() >= 400
    assert not len(divided(tmp_path, [chat("Hello", "Hi")] * 400))


def test_what_an_earlier_run_held_out_stays_held_out_in_any_dataset(tmp_path: Path) -> None:
    rows = [talk(number, 40) for number in range(900)]
    first = divided(tmp_path, rows)
    first.write(tmp_path)
    kept = record.read(tmp_path / record.FILE)
    assert kept is not None
    assert kept.about == first.about
    edited = [chat(row["messages"][0]["content"] + " please", row["messages"][1]["content"]) for row in rows[::-1]]
    other = [*edited, *[talk(number) for number in range(5000, 5500)]]
    second = divided(tmp_path, other, family="other", earlier=kept)
    for part in PARTS:
        again = {len(rows) - 1 - at for at in first.positions(part).tolist()}
        assert again <= set(second.positions(part).tolist())
    assert second.about["inherited"] == len(first)
    assert len(second) - len(first) <= 90  # its rows as they were are passed on too

    off = divided(tmp_path, rows, 0.0, earlier=second)
    assert set(first.positions("test").tolist()) <= set(off.positions("test").tolist())
    assert len(off.positions("eval")) < 60  # nothing is chosen beside
    third = divided(tmp_path, rows, None, earlier=second)
    for part in PARTS:
        assert set(first.positions(part).tolist()) <= set(third.positions(part).tolist())


def test_the_split_that_a_dataset_names_is_used(tmp_path: Path) -> None:
    names = ["train"] * 8 + ["validation", "test"]
    rows = [talk(number) | {"extra": {"split": names[number % 10]}} for number in range(1000)]
    held_out = divided(tmp_path, rows)
    assert sorted(held_out.positions("eval")) == list(range(8, 1000, 10))
    assert sorted(held_out.positions("test")) == list(range(9, 1000, 10))
    assert held_out.about["named"] == 200

    only_test = [talk(number) | {"extra": {"split": names[number % 10]}} for number in range(1000) if number % 10 != 8]
    held_out = divided(tmp_path, only_test)
    assert len(held_out.positions("test")) == 100
    assert 16 <= len(held_out.positions("eval")) <= 27

    all_test = [talk(number) | {"extra": {"split": "test"}} for number in range(300)]
    assert 20 <= len(divided(tmp_path, all_test)) <= 36  # what is nothing but a test is divided as any other


def test_every_kind_of_row_is_divided(tmp_path: Path) -> None:
    pairs = [{"prompt": WORDS[n] + " what", "completion": " ".join(Random(n).choices(WORDS, k=9))} for n in range(300)]
    assert len(divided(tmp_path, pairs)) >= 20


def test_large_datasets_are_divided_without_comparing_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [talk(number) for number in range(1000)]
    compared = divided(tmp_path, rows)
    monkeypatch.setattr(reading, "MOST_COMPARED_ROWS", 999)
    alone = divided(tmp_path, rows)
    assert (compared.about["compared"], alone.about["compared"]) == (True, False)
    assert contents(rows, compared) == contents(rows, alone)
    kept = divided(tmp_path, rows, family="other", earlier=alone)
    assert set(alone.positions("test")) <= set(kept.positions("test"))


def test_the_record_names_each_row(tmp_path: Path) -> None:
    rows = [talk(number) for number in range(900)]
    held_out = divided(tmp_path, rows)
    stored = held_out.rows.to_pylist()
    assert all(row["row"] == row["position"] + 1 and len(row["content"]) == 16 for row in stored)
    assert {row["part"] for row in stored} == set(PARTS)
    assert "rows for the curve" in hold_out.in_words(held_out)
    assert "for the report" in hold_out.in_words(held_out)
    assert "No rows" in hold_out.in_words(record.empty())
