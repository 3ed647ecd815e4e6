"""Every row of an evaluation, from the file beside its result: by what changed, by words, a page at a time."""

import json
from collections.abc import Sequence

import pytest

from engine.evaluate import asked_rows
from storage import home
from storage.statuses import WorkStatus
from storage.tables import Evaluation
from tests import fixed_reports
from tests.stored_evaluations import add

SCORES: Sequence[Sequence[float | None]] = [  # of exact_match: base, tuned
    [1.0, 1.0],
    [1.0, 0.0],
    [0.0, 1.0],
    [0.5, 0.25],
    [None, None],
    [0.0, 0.0],
]


def kept(primary: str = "exact_match", scores: Sequence[Sequence[float | None]] = SCORES) -> Evaluation:
    """An evaluation with its file, as the worker leaves it."""
    row = add("kept", result={**fixed_reports.BETTER, "primary": primary}, work_id="w1")
    rows = [
        {"row": number + 1, "cluster": number, "prompt": f"What is {number} plus 1?", "expected": f"{number + 1}",
         "base": "안녕" if number == 3 else "one", "tuned": "two", "scores": {primary: pair, "length": [1.0, 9.0]}}
        for number, pair in enumerate(scores)
    ]  # fmt: skip
    folder = home.ensure_folder(home.work_folder("w1"))
    (folder / asked_rows.FILE).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return row


def numbers(page: asked_rows.Page) -> list[int]:
    return [row["row"] for row in page.rows]


def test_all_rows_come_with_those_that_lost_most_first_and_those_without_a_score_last() -> None:
    page = asked_rows.page(kept())
    assert numbers(page) == [2, 4, 1, 6, 3, 5]
    assert (page.total, page.is_kept) == (6, True)
    assert dict(page.counts) == {"all": 6, "worse": 2, "better": 1, "same": 2}
    assert page.rows[0] == {
        "row": 2, "prompt": "What is 1 plus 1?", "expected": "2", "base": "one", "tuned": "two", "base_score": 1.0,
        "tuned_score": 0.0,
    }  # fmt: skip


@pytest.mark.parametrize(("change", "found"), [("worse", [2, 4]), ("better", [3]), ("same", [1, 6])])
def test_rows_are_chosen_by_what_changed(change: asked_rows.Change, found: list[int]) -> None:
    assert numbers(asked_rows.page(kept(), change)) == found


def test_where_lower_is_better_a_higher_number_is_worse() -> None:
    assert numbers(asked_rows.page(kept("nll"), "worse")) == [3]


def test_rows_are_found_by_words_in_any_text_of_any_script() -> None:
    row = kept()
    assert numbers(asked_rows.page(row, search="3 PLUS")) == [4]
    assert numbers(asked_rows.page(row, search="안녕")) == [4]
    assert numbers(asked_rows.page(row, search="nothing of this kind")) == []


def test_a_thousand_rows_are_read_a_page_at_a_time_and_each_comes_once() -> None:
    row = kept(scores=[[1.0, number % 7 / 7] for number in range(1000)])
    pages = [asked_rows.page(row, offset=offset, limit=300) for offset in (0, 300, 600, 900, 1200)]
    assert [len(page.rows) for page in pages] == [300, 300, 300, 100, 0]
    assert sorted(number for page in pages for number in numbers(page)) == list(range(1, 1001))
    losses = [found["base_score"] - found["tuned_score"] for page in pages for found in page.rows]
    assert losses == sorted(losses, reverse=True)


def test_without_its_file_an_evaluation_shows_what_its_result_holds_and_says_so() -> None:
    page = asked_rows.page(add("old", work_id="gone"), "worse")
    assert (numbers(page), page.total, page.is_kept) == ([12, 31], 2, False)
    assert asked_rows.page(add("waits", status=WorkStatus.QUEUED, result={})).rows == []
