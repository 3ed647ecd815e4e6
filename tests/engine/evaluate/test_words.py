"""What a report says beside its numbers."""

from typing import Any

import pytest

from engine.evaluate import words
from engine.workers.evaluate import proof
from tests import fixed_reports


def told(**changes: Any) -> str:
    return " ".join(sentence for _, sentence in words.notes(fixed_reports.succeeded(**changes)))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"chose_checkpoint": True}, "These rows were also used to choose the checkpoint"),
        ({"leakage": {"exact": 1, "near": 2, "checked": 40, "compared": 500}},
         "3 of the 40 rows are also among the 500 rows of its training (1 exactly, 2 nearly), so the result"),
        ({"rows_to_decide": 100}, "About 100 rows would be needed to decide a difference of this size; there are "
                                  "120 in all, so measure all of them."),
        ({"rows_to_decide": 100, "all_rows": 40}, "there are no more than these."),
        ({"truncated": 1}, "1 answer reached the length limit of 256 tokens."),
        ({"left_out": 2, "left_out_why": {"longer than the context": 2}},
         "2 rows could not be measured (longer than the context: 2)."),
        ({"clusters": 12}, "which leaves 12 independent groups."),
        ({"reports": 3}, "There are 3 reports on this run. Gates use the first one."),
        ({"notes": ["Said beside."]}, "Said beside."),
    ],
)  # fmt: skip
def test_what_one_should_know_is_told(changes: dict[str, Any], sentence: str) -> None:
    assert sentence in told(**changes)


def test_a_clean_report_says_only_that_nothing_was_learnt_before() -> None:
    assert told() == "None of these rows is among the 180 rows of its training, neither exactly nor nearly."


def test_rows_are_counted_with_where_they_come_from() -> None:
    assert words.rows_measured(fixed_reports.succeeded()) == "40 of the 120 rows of sums that the training never saw"
    assert words.rows_measured(fixed_reports.succeeded(rows=1, all_rows=1, part="own")) == (
        "1 row of sums (a separate dataset)"
    )


@pytest.mark.parametrize(
    ("name", "value", "shown", "change"),
    [
        ("exact_match", 0.925, "92.5 %", "+92.5"),
        ("exact_match", 0.0, "0.0 %", "±0.0"),
        ("nll", -2.194, "-2.19", "−2.19"),
        ("perplexity", 123456.0, "123,456", "+123,456"),
        ("reward:short", 0.00002, "2.0e-05", "+2.0e-05"),
        ("length", 154.26, "154", "+154"),
        ("of another version", None, "–", "–"),
        ("nll", float("inf"), "–", "–"),
    ],
)
def test_numbers_are_written_in_the_unit_of_their_metric(
    name: str, value: float | None, shown: str, change: str
) -> None:
    assert (words.value(name, value), words.change(name, value)) == (shown, change)


def test_rows_that_got_worse_are_counted_up_to_what_a_result_keeps() -> None:
    row = fixed_reports.BETTER["worse_rows"][0]
    assert words.got_worse(fixed_reports.succeeded()) == "2 rows got worse"
    full = fixed_reports.succeeded(worse_rows=[row] * words.MOST_WORSE)
    assert words.got_worse(full) == "The 20 rows that lost most"
    assert words.MOST_WORSE == proof.MOST_WORSE


def test_metrics_go_by_their_titles() -> None:
    assert words.names_of(["repetition", "reward:short", "gone"]) == "Repetition, Reward short, gone"


def test_a_report_on_no_rows_is_not_measured_and_no_failed_proof() -> None:
    result = {"status": "succeeded", "verdict": "no_proof", "rows": 0}
    assert words.verdict(result) == ("Not measured", "calm")
    assert words.verdict(result | {"rows": 40}) == ("No proof", "warn")
