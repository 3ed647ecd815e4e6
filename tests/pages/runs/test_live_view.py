"""What a live link shows: the telling charts first, nothing of the machine, answers where there are any."""

import pytest

from engine.runs import runs
from pages.runs.links import live_view
from storage import db
from storage.outgoing import links
from storage.runs import add_metrics
from storage.statuses import RunStatus
from storage.tables import Sample
from tests.browser.stored_runs import add_run


def test_the_telling_charts_come_first_and_the_machine_is_left_out() -> None:
    reported = [
        "a",
        "eval_loss",
        "grad_norm",
        "loss",
        "machine/gpu0_watts",
        "num_tokens",
        "eval_machine/x",
        "wall_time",
    ]
    reported += ["tokens_per_second", "peak_memory_bytes", "data_wait_share"]
    charts = live_view.charted(reported)
    assert [one.title for one in charts] == ["Loss", "Gradient norm", "Tokens learnt from", "a"]
    assert charts[0].series == (("loss", "training"), ("eval_loss", "held out"))
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


def test_answers_are_shown_the_newest_first_and_as_text() -> None:
    run_id = add_run("jokes")
    answers = [(0, 0, "Hi <b>", "zero"), (10, 0, "Hi <b>", "<i>ten</i>"), (10, 1, "Other", "else")]
    with db.session() as session:
        for step, number, prompt, answer in answers:
            more = {"run_id": run_id, "step": step, "number": number, "prompt": prompt, "answer": answer, "tokens": 3}
            session.add(Sample.model_validate(more))
    shown = live_view.answers_html(runs.look_up(run_id))
    assert shown.index("&lt;i&gt;ten") < shown.index("Earlier answers") < shown.index("zero")
    assert "<h3>Hi &lt;b&gt;</h3>" in shown
    assert shown.count("<details>") == 1


def test_without_answers_there_is_no_heading_for_them() -> None:
    assert live_view.answers_html(runs.look_up(add_run("jokes"))) == ""
