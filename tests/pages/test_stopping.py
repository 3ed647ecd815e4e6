"""Whether a button that stops something asks first: by what is lost, and the same wherever it stands."""

import re

from engine.runs.queue.holders import Holder
from pages.evaluate import page as evaluate
from pages.parts import stopping
from pages.runs import state
from pages.runs.queue import devices
from pages.serve import benchmarks_view, tuner_view
from storage import db
from storage.statuses import RunStatus, WorkStatus
from storage.tables import Run
from tests import stored_evaluations, stored_runs
from tests.conftest import ROOT

QUERY = {"project": "default", "role": "owner"}
BY_HAND = re.compile(r'html\.button\(\s*"(?:Stop|Cancel)"')
# What none of the nouns covers: seconds of work, downloads that go on where they were, and those that ask in own words.
OWN = {
    "pages/serve/endpoint_view.py", "pages/serve/runtimes.py", "pages/home/lesson_view.py", "pages/train/fit_view.py",
    "pages/models/cards.py", "pages/runs/listing/list_view.py",
}  # fmt: skip


def asked(html: object, act: str) -> str:
    """The question of the button with that act; fails where there is none such."""
    button = re.search(rf'<button[^>]*data-act="{act}"[^>]*>', str(html))
    assert button is not None, html
    question = re.search(r'data-confirm="([^"]*)"', button[0])
    return question[1] if question else ""


def test_what_can_be_taken_up_again_stops_without_a_question_wherever_it_is_stopped() -> None:
    run_id = stored_runs.add("jokes", RunStatus.RUNNING)
    with db.reading() as session:
        assert asked(state.action_buttons(session.get_one(Run, run_id)), "stop") == ""
    row = stored_evaluations.add("compared", status=WorkStatus.RUNNING, result={})
    assert asked(evaluate.FRAGMENTS["evaluations"]({**QUERY, "evaluation": row.id}), "stop") == ""
    for kind, act in (("training", "stop_run"), ("evaluation", "stop_evaluation")):
        holder = Holder(kind, "h1", "jokes", "running", "cpu", True, None, None, None, ())
        assert asked(devices._button(act, holder), f"queue-free-{act}") == ""  # type: ignore[arg-type]


def test_a_benchmark_and_a_tuner_say_what_would_be_lost() -> None:
    benchmark = {"id": "b", "status": WorkStatus.RUNNING, "model": "jokes"}
    question = asked(benchmarks_view._actions(benchmark, []), "stop")
    assert question.startswith("Stop the benchmark of jokes? It cannot be continued")
    facts = {"stage": "measuring", "status": "running", "id": "t", "endpoint_name": "jokes"}
    assert "options that were not tried yet" in asked(tuner_view._buttons(facts)[0], "stop-tuner")


def test_no_page_decides_for_itself() -> None:
    by_hand = {
        str(path.relative_to(ROOT)) for path in (ROOT / "pages").rglob("*.py") if BY_HAND.search(path.read_text())
    }
    assert by_hand == OWN
    assert all("{}" in question for question in stopping.QUESTIONS.values() if question)
