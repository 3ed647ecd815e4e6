"""`tunesmith metrics`: in short, as JSON, and every point as CSV."""

import json

import pytest
from typer.testing import CliRunner

from app.cli.commands import cli
from engine.errors import NotFoundError
from storage import db, runs
from storage.tables import Dataset, Model, Run


@pytest.fixture(autouse=True)
def run(home: object) -> None:
    with db.session() as session:
        session.add(Model(id="m1", source="path", source_id="x", name="m"))
        session.add(Dataset(id="d1", project_id="default", name="d"))
        session.flush()
        for run_id in ("r1", "r2"):
            session.add(Run(id=run_id, project_id="default", name="r", model_id="m1", dataset_id="d1", recipe={}))
        session.flush()
        runs.add_metrics(session, [("r1", "loss", step, 3.0 - step) for step in (1, 2)])
        runs.add_metrics(session, [("r1", "machine/cpu_percent", 1, 50.0), ("r1", "wall_time", 1, 1764500000.0)])


def run_cli(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["metrics", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_metrics_are_shown_by_group_with_their_extremes() -> None:
    assert run_cli("run:r1").splitlines() == [
        "Quality",
        "  loss                 1 (least 1 at step 2, greatest 2 at step 1)",
        "Machine",
        "  machine/cpu_percent  50 (least 50 at step 1, greatest 50 at step 1)",
    ]
    assert run_cli("r2") == "Run `r` has reported no number yet.\n"


def test_every_point_or_the_charts_come_out_for_programs() -> None:
    assert run_cli("r1", "--csv", "--name", "loss") == "step,loss\n1,2.0\n2,1.0\n"
    (loss,) = json.loads(run_cli("r1", "--json", "--name", "loss"))
    assert loss == {
        "group": "quality",
        "title": "Loss",
        "unit": "",
        "axis": "Loss",
        "series": [{"name": "loss", "label": "training"}],
    }


def test_a_metric_that_is_not_there_is_said_with_those_that_are() -> None:
    with pytest.raises(NotFoundError) as refused:
        run_cli("r1", "--name", "los")
    assert refused.value.hint == "It has: loss, machine/cpu_percent, wall_time."
