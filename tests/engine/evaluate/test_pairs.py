"""Is A better than B? Answered from what was measured between them."""

from typing import Any

import pytest

from engine.evaluate import pairs
from tests import fixed_reports
from tests.browser.stored_runs import add_run
from tests.stored_evaluations import add


def verdict(word: str, **changes: Any) -> dict[str, Any]:
    return fixed_reports.succeeded(verdict=word, **changes)


@pytest.mark.parametrize(
    ("word", "is_forward", "answer", "tone"),
    [
        ("better", True, "Yes, jokes is better than tiny.", "good"),
        ("worse", True, "No, jokes is worse than tiny.", "bad"),
        ("better", False, "No, tiny is better than jokes.", "bad"),
        ("worse", False, "Yes, jokes is better than tiny.", "good"),
        ("no_proof", True, "Unclear: these rows do not show whether jokes or tiny is better.", "warn"),
    ],
)
def test_the_answer_follows_the_verdict_whichever_was_the_tuned_one(
    word: str, is_forward: bool, answer: str, tone: str
) -> None:
    run = f"run:{add_run('jokes')}"
    add("one", *((run, "model:m1") if is_forward else ("model:m1", run)), result=verdict(word))
    said = pairs.is_better(run, "model:m1", "default")
    assert said
    assert (said.answer, said.tone, said.measured) == (answer, tone, 1)


def test_of_several_the_one_with_the_most_rows_counts_and_of_those_the_first() -> None:
    add("few", result=verdict("better", rows=40))
    most = add("most", result=verdict("no_proof", rows=120))
    add("again", result=verdict("better", rows=120))
    said = pairs.is_better("run:a", "model:m", "default")
    assert said
    assert (said.evaluation_id, said.rows, said.measured, said.tone) == (most.id, 120, 3, "warn")


def test_what_nobody_has_compared_has_no_answer() -> None:
    add("other", "run:a", "run:c")
    assert pairs.is_better("run:a", "run:b", "default") is None
