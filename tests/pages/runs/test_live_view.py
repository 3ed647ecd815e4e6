"""What a live link shows: the telling charts first, nothing of the machine, answers where there are any."""

import sys
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest

from engine.runs import runs
from pages.runs.links import live_view
from storage import db
from storage.outgoing import links
from storage.runs import add_metrics
from storage.statuses import RunStatus
from tests.browser.stored_runs import add_run


@dataclass(frozen=True)
class Sample:
    step: int
    prompt: str
    answer: str
    tokens: int = 3


def test_the_telling_charts_come_first_and_the_machine_is_left_out() -> None:
    found = ["a", "eval_loss", "grad_norm", "loss", "machine/gpu0_watts", "reward", "eval_machine/x", "zeta"]
    assert live_view.charted(found) == ["reward", "loss", "grad_norm", "a", "zeta"]
    assert len(live_view.charted([f"metric{number:03}" for number in range(50)])) == live_view.MOST_CHARTS
    assert not live_view.is_shown("eval_machine/x")


def test_metric_names_are_found_without_reading_every_point() -> None:
    run = add_run("jokes", points=50)
    with db.session() as session:
        add_metrics(session, [(run, name, 1, 1.0) for name in ("a", "zz", "Loss", "eval_loss")])
    with db.reading() as session:
        assert sorted(links.metric_names(session, run, 100)) == ["Loss", "a", "eval_loss", "loss", "zz"]
        assert len(list(links.metric_names(session, run, 2))) == 2


@pytest.mark.parametrize("status", list(RunStatus))
def test_every_state_is_shown(status: RunStatus) -> None:
    run = runs.look_up(add_run("<b>jokes", status))
    shown = live_view.state_html(run)
    assert "&lt;b&gt;jokes" in shown
    assert str(status) in shown
    assert ("data-moving" in shown) == (status in ("queued", "starting", "running", "stopping"))


def test_answers_are_shown_the_newest_first_and_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType(live_view.SAMPLES)
    module.__spec__ = ModuleSpec(live_view.SAMPLES, None)
    answers = [Sample(0, "Hi <b>", "zero"), Sample(10, "Hi <b>", "<i>ten</i>"), Sample(10, "Other", "else")]
    module.of_run = lambda _run_id: answers  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, live_view.SAMPLES, module)
    shown = live_view.answers_html(runs.look_up(add_run("jokes")))
    assert shown.index("&lt;i&gt;ten") < shown.index("Earlier answers") < shown.index("zero")
    assert "<h3>Hi &lt;b&gt;</h3>" in shown
    assert shown.count("<details>") == 1


def test_without_answers_there_is_no_heading_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_view, "SAMPLES", "engine.runs.nothing_of_that_name")
    assert live_view.answers_html(runs.look_up(add_run("jokes"))) == ""
