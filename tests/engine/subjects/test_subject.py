"""What a short text names: a run's result or one of its checkpoints, and what is said when it names neither."""

from pathlib import Path

import pytest

from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.subjects import subject
from engine.weights import checkpoints
from storage import db, home
from storage.statuses import RunStatus
from storage.tables import Run
from tests.engine.exports.trained_runs import add_checkpoint, add_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return add_run(tmp_path)


def become(run: Run, status: RunStatus) -> None:
    with db.session() as session:
        session.merge(run).status = status


def test_a_run_is_named_by_its_result_and_by_its_checkpoints(run: Run) -> None:
    add_checkpoint(run, 4)
    result = subject.look_up(f" run:{run.id} ")
    assert (result.name, result.weights, result.step) == (f"run:{run.id}", "adapter", None)
    assert result.folder == home.run_folder(run.id) / "adapter"
    checkpoint = subject.look_up(f"run:{run.id}@4")
    assert (checkpoint.name, checkpoint.weights, checkpoint.step) == (f"run:{run.id}@4", "adapter", 4)
    assert checkpoint.folder.name == "checkpoint-4"
    assert checkpoint.base.name == "tiny"


def test_a_run_that_trained_every_weight_names_a_whole_model(tmp_path: Path) -> None:
    assert subject.look_up(f"run:{add_run(tmp_path, tuning='full').id}").weights == "model"


@pytest.mark.parametrize("text", ["", "run:", "run:A", "run:a@", "run:a@-1", "run:../x", "model:a", "a"])
def test_what_names_nothing_is_refused_with_the_way_to_write_it(text: str) -> None:
    with pytest.raises(RefusedError, match="Write run:ID"):
        subject.look_up(text)


def test_what_is_missing_is_said_with_what_there_is(run: Run) -> None:
    add_checkpoint(run, 4)
    add_checkpoint(run, 6, whole=False)
    with pytest.raises(NotFoundError, match="no run `nope`"):
        subject.look_up("run:nope")
    for step in (5, 6):
        with pytest.raises(NotFoundError, match=rf"There is: run:{run.id}, run:{run.id}@4\."):
            subject.look_up(f"run:{run.id}@{step}")


def test_a_run_that_failed_names_its_checkpoints_and_one_that_trains_none(run: Run) -> None:
    add_checkpoint(run, 4)
    become(run, RunStatus.FAILED)
    with pytest.raises(ConflictError, match=rf"no trained model \(failed\)\. There is: run:{run.id}@4\."):
        subject.look_up(f"run:{run.id}")
    assert subject.look_up(f"run:{run.id}@4").step == 4
    become(run, RunStatus.RUNNING)
    for name in (f"run:{run.id}", f"run:{run.id}@4"):
        with pytest.raises(ConflictError, match=r"running.*Wait until it has"):
            subject.look_up(name)


def test_a_checkpoint_in_pieces_is_refused(run: Run) -> None:
    folder = add_checkpoint(run, 4, whole=False)
    (folder / "adapter_model.safetensors").unlink()
    checkpoints.write_manifest(folder, 4)
    with pytest.raises(RefusedError, match="keeps its checkpoints in pieces"):
        subject.look_up(f"run:{run.id}@4")
