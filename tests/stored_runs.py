"""Runs put into the database for tests of lists and of what is done with them."""

from typing import Any

from storage import db, runs
from storage.statuses import DatasetStatus, ModelStatus, RunStatus
from storage.tables import Dataset, Model, Run


def add(name: str = "run", status: RunStatus = RunStatus.SUCCEEDED, **values: Any) -> str:
    """A run of the default project; returns its id."""
    with db.session() as session:
        if session.get(Model, "m1") is None:
            session.add(Model(id="m1", source="path", source_id="/m", name="tiny", status=ModelStatus.READY))
            session.add(Dataset(id="d1", project_id="default", name="rows", status=DatasetStatus.READY))
            session.flush()
        given = {"recipe": {"method": "sft"}, "model_id": "m1", "dataset_id": "d1"} | values
        run = Run(project_id="default", name=name, status=status, **given)
        session.add(run)
    return run.id


def add_points(run_id: str, metric: str, values: list[float], first: int = 1) -> None:
    with db.session() as session:
        runs.add_metrics(session, [(run_id, metric, first + place, value) for place, value in enumerate(values)])
