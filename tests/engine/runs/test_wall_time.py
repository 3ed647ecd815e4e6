"""When a step was reported is kept with its numbers."""

from engine.process import events
from engine.process.attempts import Seen, State
from engine.runs import curves, ingest
from storage import db
from storage.statuses import RunStatus
from storage.tables import Dataset, Model, Run


def test_every_step_has_its_time_beside_its_numbers(home: object) -> None:
    with db.session() as session:
        session.add(Model(id="m1", source="path", source_id="x", name="m"))
        session.add(Dataset(id="d1", project_id="default", name="d"))
        session.flush()
        run = Run(id="r1", project_id="default", name="r", model_id="m1", dataset_id="d1", recipe={})
        run.status = RunStatus.RUNNING
        session.add(run)
    said = [events.Step(step=step, metrics={"loss": 1.0}, at=1764500000.5 + step) for step in (1, 2)]
    assert ingest.take_in(run, Seen(State.LIVING, [*said], 99, True))
    assert curves.read("r1", "wall_time").points == [(1, 1764500001.5), (2, 1764500002.5)]
