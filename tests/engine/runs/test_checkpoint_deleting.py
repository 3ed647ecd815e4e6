"""One checkpoint deleted alone: what keeps it, what is said before, and what stays."""

from collections.abc import Callable

import pytest
from sqlmodel import select

from engine.errors import ConflictError, NotFoundError
from engine.exports import exports
from engine.runs import checkpoint_deleting, runs
from engine.serve import endpoints
from storage import db, home
from storage.statuses import EndpointStatus, RunStatus, WorkStatus
from storage.tables import DEFAULT_PROJECT, Backend, Endpoint, Evaluation, Run, ServedAdapter
from tests.serving import finished_checkpoint, finished_run, ready_model


@pytest.fixture
def run() -> Run:
    """A run that was stopped, with checkpoints of steps 4 and 8; the model it trains."""
    run = finished_run(ready_model(), "jokes")
    for step in (4, 8):
        finished_checkpoint(run, step)
    change(run, status=RunStatus.STOPPED, artifact=None)
    return run


def change(run: Run, **values: object) -> None:
    with db.session() as session:
        row = session.get_one(Run, run.id)
        for name, value in values.items():
            setattr(row, name, value)


def steps(run: Run) -> list[int]:
    return [checkpoint["step"] for checkpoint in runs.checkpoints(run.id)]


def test_one_goes_alone_and_its_files_leave_the_run(run: Run) -> None:
    assert checkpoint_deleting.delete(run.id, 8)["newest"]
    assert steps(run) == [4]
    assert [path.name for path in (home.run_folder(run.id) / "checkpoints").iterdir()] == ["checkpoint-4"]
    with pytest.raises(NotFoundError, match="has no checkpoint at step 8") as error:
        checkpoint_deleting.delete(run.id, 8)
    assert error.value.hint == "There is: step 4."


def test_what_a_kill_left_half_way_goes_with_the_next(run: Run) -> None:
    folder = home.run_folder(run.id) / "checkpoints"
    (folder / "checkpoint-4").rename(folder / "deleted-4-0a1b2c3d")
    checkpoint_deleting.delete(run.id, 8)
    assert list(folder.iterdir()) == []


def moves(run: Run) -> None:
    change(run, status=RunStatus.QUEUED)


def is_served(run: Run) -> None:
    endpoints.create_endpoint("clown", model_id=run.model_id, adapters=[f"prod={run.id}@8"])


def sleeps(run: Run) -> None:
    is_served(run)
    with db.session() as session:
        session.exec(select(Backend)).one().status = EndpointStatus.ASLEEP


def is_loaded(run: Run) -> None:
    with db.session() as session:
        session.add(Endpoint(id="e1", project_id=DEFAULT_PROJECT, name="clown"))
        session.flush()
        session.add(Backend(id="b1", endpoint_id="e1", kind="transformers", status=EndpointStatus.READY))
        session.flush()
        session.add(ServedAdapter(backend_id="b1", subject=f"{run.id}@8", internal_name="a1"))


def is_exported(run: Run) -> None:
    exports.create(f"run:{run.id}@8", "adapter")


def is_compared(run: Run) -> None:
    with db.session() as session:
        session.add(
            Evaluation(
                project_id=DEFAULT_PROJECT, name="proof", subject=f"model:{run.model_id}", against=f"run:{run.id}@8"
            )
        )


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (moves, "is queued: its checkpoints come and go"),
        (is_served, "The endpoint `clown` serves step 8 of `jokes`"),
        (sleeps, "The endpoint `clown` serves step 8 of `jokes`"),
        (is_loaded, "The endpoint `clown` serves step 8 of `jokes`"),
        (is_exported, "There is an export of step 8 of `jokes`: adapter"),
        (is_compared, "The evaluation `proof` asks step 8 of `jokes`"),
    ],
)
def test_what_uses_it_keeps_it_and_no_other(run: Run, use: Callable[[Run], None], words: str) -> None:
    use(run)
    with pytest.raises(ConflictError, match=words):
        checkpoint_deleting.delete(run.id, 8)
    assert steps(run) == [4, 8]
    if use is not moves:
        checkpoint_deleting.delete(run.id, 4)
        assert steps(run) == [8]


def test_an_evaluation_that_has_ended_and_an_export_that_is_gone_keep_nothing(run: Run) -> None:
    is_compared(run)
    with db.session() as session:
        session.exec(select(Evaluation)).one().status = WorkStatus.SUCCEEDED
    export, _ = exports.create(f"run:{run.id}@8", "adapter")
    exports.delete(export.id)
    checkpoint_deleting.delete(run.id, 8)
    assert steps(run) == [4]


def test_what_goes_with_it_is_said_before(run: Run) -> None:
    def said(step: int) -> str:
        return checkpoint_deleting.what_goes(runs.look_up(run.id), runs.checkpoints(run.id), step)

    assert said(4) == ""
    assert said(8) == "Resume needs it: without it the training would continue from step 4."
    checkpoint_deleting.delete(run.id, 4)
    assert said(8) == (
        "Resume needs it: without it the training would start from the beginning. "
        "Nothing else of what this run has learned is kept."
    )
    finished_checkpoint(run, 9, eval_loss=1.0)
    assert said(9).startswith("It is the best one by the recipe's measure. Resume needs it")
    change(run, status=RunStatus.SUCCEEDED, artifact="adapter")
    assert said(9) == "It is the best one by the recipe's measure."
    assert said(8) == ""
