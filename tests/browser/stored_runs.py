"""Runs with their curves, written into the studio's database for its pages to show."""

import math
from collections.abc import Callable, Mapping

from storage import db, runs
from storage.statuses import DatasetStatus, ModelStatus, RunStatus
from storage.tables import Dataset, Model, Run


def add_run(name: str, status: RunStatus = RunStatus.SUCCEEDED, points: int = 0) -> str:
    with db.session() as session:
        if session.get(Model, "m1") is None:
            session.add(Model(id="m1", source="path", source_id="/x", name="tiny", path="/x", status=ModelStatus.READY))
            session.add(
                Dataset(id="d1", project_id="default", name="rows", status=DatasetStatus.READY, sha256="0" * 64)
            )
            session.flush()
        run = Run(project_id="default", name=name, model_id="m1", dataset_id="d1", recipe={}, status=status)
        run.recipe, run.step = {"model_id": "m1", "dataset_id": "d1"}, points
        session.add(run)
    add_points(run.id, 1, points)
    return run.id


def add_points(run_id: str, first: int, last: int) -> None:
    with db.session() as session:
        curve = [(run_id, "loss", step, 2 * math.exp(-step / 80) + 0.1) for step in range(first, last + 1)]
        runs.add_metrics(session, curve)


def add_curves(run_id: str, curves: Mapping[str, Callable[[int], float]], steps: int, started_at: float = 0) -> None:
    """A point of each metric at every step from 1 on."""
    with db.session() as session:
        session.get_one(Run, run_id).started_at = started_at
        for name, value in curves.items():
            runs.add_metrics(session, [(run_id, name, step, value(step)) for step in range(1, steps + 1)])
