"""`tunesmith queue`, as a person uses it."""

import pytest

from storage import db
from storage.statuses import RunStatus
from storage.tables import Run
from tests.app.cli.test_commands import run
from tests.engine.table_rows import add_rows


@pytest.fixture(autouse=True)
def waiting() -> None:
    add_rows()
    with db.session() as session:
        for name in ("a", "b", "c"):
            session.add(
                Run(id=name, project_id="default", name=f"run {name}", model_id="m1", dataset_id="d1", recipe={})
            )
        bad = Run(id="bad", project_id="default", name="bad", model_id="m1", dataset_id="d1", recipe={})
        bad.status = RunStatus.FAILED
        session.add(bad)


def test_the_queue_is_shown_ordered_changed_paused_and_set() -> None:
    assert "1. priority 0    run a  (A free device, of cpu.)" in run("queue").stdout
    assert run("queue", "order", "c", "a").returncode == 0
    shown = run("queue").stdout
    assert shown.index("run c") < shown.index("run b") < shown.index("run a")
    assert "Blocked: `bad` has failed" in run("queue", "change", "b", "--after", "bad").stdout
    assert "A free device" in run("queue", "change", "b", "--any-end", "--priority", "5").stdout
    assert "priority 5" in run("queue", "change", "b", "--after", "none").stdout
    run("queue", "pause")
    assert run("queue").stdout.startswith("paused")
    run("queue", "resume")
    assert (
        "After a failure: stop. Sleep of idle endpoints: 5.0."
        in run("queue", "set", "--after-failure", "stop", "--sleep-idle-minutes", "5").stdout
    )
    assert "stop. Sleep of idle endpoints: never." in run("queue", "set", "--sleep-idle-minutes", "never").stdout


def test_what_cannot_be_is_refused_in_words() -> None:
    for arguments, words in (
        (["order", "a", "bad"], "`bad` does not wait in the queue: it is failed"),
        (["order", "a", "gone"], "no run `gone`"),
        (["change", "a"], "Nothing is to be changed."),
        (["change", "a", "--priority", "1000"], "`priority` is 1000"),
        (["set", "--after-failure", "dance"], "`--after-failure` is 'dance'"),
        (["set", "--sleep-idle-minutes", "soon"], "`--sleep-idle-minutes` is 'soon'"),
    ):
        ended = run("queue", *arguments)
        assert (ended.returncode, words in ended.stderr) == (1, True), ended
