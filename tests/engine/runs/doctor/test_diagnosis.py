"""The diagnosis of a stored run: what REST and the shell answer, at what cost, and from when it is kept."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event
from typer.testing import CliRunner

from app.cli.commands import cli
from engine.runs.doctor import diagnosis
from storage import db
from storage import runs as stored
from storage.statuses import RunStatus
from storage.tables import Dataset, Model, Run
from tests.curves import matrix, record
from tests.curves.trainings import TRAININGS


def store(run_id: str, recorded: dict[str, Any], status: RunStatus = RunStatus.SUCCEEDED) -> Run:
    """A recorded training as a run."""
    with db.session() as session:
        if session.get(Model, "tiny") is None:
            session.add(Model(id="tiny", name="tiny", source="path", source_id="tiny"))
            session.add(Dataset(id="rows", name="rows", project_id="default"))
            session.flush()
        run = Run(
            id=run_id, project_id="default", name=run_id, model_id="tiny", dataset_id="rows", status=status,
            recipe=recorded["recipe"], facts=recorded["facts"], max_steps=recorded["max_steps"],
        )  # fmt: skip
        run.step = max((points[-1][0] for points in recorded["curves"].values()), default=0)
        run.ended_at = None if status == RunStatus.RUNNING else time.time()
        session.add(run)
        session.flush()
        curves = recorded["curves"].items()
        stored.add_metrics(session, [(run_id, name, step, value) for name, points in curves for step, value in points])
    with db.reading() as session:
        found = stored.get(session, run_id)
        assert found is not None
        return found


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize("name", ["overfit", "not_a_number", "all_alike", "healthy_dpo"])
def test_a_stored_run_is_diagnosed_as_the_recorded_training_is(name: str) -> None:
    found = diagnosis.of(store("r1", record.read(name)))
    assert {finding["rule"] for finding in found} == set(matrix.FIRES.get(name, ()))
    for finding in found:
        assert list(finding) == ["rule", "severity", "message", "metric", "from_step", "to_step", "remedy"]


def test_what_was_found_is_kept_until_the_run_has_a_new_step() -> None:
    run = store("r2", record.read("overfit"))
    first = diagnosis.of(run)
    with statements() as sent:
        assert diagnosis.of(run) == first
    assert sent == []
    first.clear()  # a caller's own list
    assert diagnosis.of(run)
    run.step += 1
    with statements() as sent:
        diagnosis.of(run)
    assert sent


def test_a_run_of_a_million_points_is_read_in_few_points_and_its_rise_is_still_found() -> None:
    steps = 60_000
    recorded = record.read("healthy_sft_full") | {"max_steps": steps}
    recorded["curves"] = {
        "loss": [(n, 3.0 - 2 * n / steps + 0.1 * (n % 3)) for n in range(1, steps + 1)],
        "eval_loss": [(n, 2.0 + abs(n - 20_000) / 20_000) for n in range(10, steps + 1, 10)],
    }
    run = store("r3", recorded, RunStatus.RUNNING)
    with statements() as sent, db.reading() as session:
        curve = diagnosis._curve(session, run.id, "loss")
    assert len(curve) <= diagnosis.MOST_POINTS + diagnosis.WHOLE_ENDS
    assert (curve.steps[0], curve.last_step) == (1, steps)
    assert len(sent) <= 6
    found = diagnosis.of(run)
    assert [finding["rule"] for finding in found] == ["held_out_rises"]
    assert found[0]["from_step"] == pytest.approx(20_000, rel=0.02)
    for more, is_read in ((9, False), (10, True)):
        run.step = steps + more
        with statements() as sent:
            diagnosis.of(run)
        assert bool(sent) == is_read


def test_a_recipe_of_another_version_of_the_studio_is_read_as_far_as_it_is_understood() -> None:
    recorded = record.read("overfit")
    recorded["recipe"] |= {"field_of_tomorrow": 1}
    found = diagnosis.of(store("r4", recorded))
    assert [finding["rule"] for finding in found] == ["held_out_rises"]
    assert found[0]["remedy"]  # which the Train form takes: it leaves out what it does not know, too


def test_the_shell_says_what_rest_answers() -> None:
    run = store("r5", record.read("rate_high"))
    told = CliRunner().invoke(cli, ["diagnose", "run:r5"])
    assert told.exit_code == 0
    assert "warning" in told.output
    assert "try: learning_rate 0.03" in told.output
    as_json = CliRunner().invoke(cli, ["diagnose", "r5", "--json"])
    assert json.loads(as_json.output) == diagnosis.of(run)
    store("r6", record.read("healthy_kto"))
    assert "Nothing looks wrong" in CliRunner().invoke(cli, ["diagnose", "r6"]).output
    missing = CliRunner().invoke(cli, ["diagnose", "nothing"])
    assert missing.exit_code != 0


def test_every_training_can_be_stored_and_told() -> None:
    for name in TRAININGS:
        diagnosis.of(store(name, record.read(name)))
