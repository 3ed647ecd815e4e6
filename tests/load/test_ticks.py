"""A second of the engine costs the same with ten things in a queue as with hundreds."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlmodel import Session

from engine.data import importing
from engine.process import devices, plan, process, work, work_kinds
from engine.runs import runs, supervision, tracking
from engine.runs.queue import waits
from engine.weights import checkpoints
from storage import db, home, moving
from storage.statuses import RunStatus
from storage.tables import Dataset, Lease, Run, Work
from tests.engine import table_rows
from tests.engine.table_rows import RECIPE
from tests.load.counting import Counted, counting

FEW, MANY = 10, 700
LARGE_BYTES = 1 << 40


def add_runs(count: int, status: RunStatus = RunStatus.QUEUED, **columns: Any) -> None:
    with db.session() as session:
        recipe = RECIPE.model_copy(update={"report_to": "mlflow"}).model_dump()
        fields: dict[str, Any] = {
            "name": "r",
            "project_id": "default",
            "model_id": "m1",
            "dataset_id": "d1",
            "recipe": recipe,
        }
        session.add_all(Run(status=status, **fields, **columns) for _ in range(count))


def add_work(count: int) -> None:
    with db.session() as session:
        session.add_all(Work(kind="resting", subject_id="d1", key=str(n), spec={}) for n in range(count))


def add_imports(count: int) -> None:
    with db.session() as session:
        files = {"files": [{"name": "a.jsonl"}]}
        session.add_all(Dataset(project_id="default", name="d", origin=files) for _ in range(count))


def cost(act: Callable[[], None]) -> Counted:
    with counting() as counted:
        act()
    return counted


def same_cost_with_many(add: Callable[[int], None], act: Callable[[], None]) -> Counted:
    """What `act` costs with many, after it was seen to be what it costs with few."""
    add(FEW)
    few = cost(act)
    add(MANY - FEW)
    many = cost(act)
    assert (len(many.statements), many.rows, many.writes) == (len(few.statements), few.rows, few.writes)
    return many


@pytest.fixture(autouse=True)
def furnished(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    table_rows.furnish(monkeypatch)
    yield
    for noun in ("work", "datasets", "runs"):
        for folder in home.folder(noun).glob("*"):
            process.end(folder)


def test_a_long_queue_of_runs_costs_no_more_than_a_short_one_and_takes_no_write_lock() -> None:
    with db.session() as session:
        session.add(Lease(holder_id="other", holder_kind="run", device="cpu"))
    counted = same_cost_with_many(add_runs, supervision.tick)
    assert counted.writes == 0
    assert counted.rows <= 3  # the head of the queue, its id before it, and who has the device
    assert len(counted.statements) <= 10


@pytest.mark.parametrize("hold", ["after", "blocked"])
def test_runs_that_wait_for_another_one_cost_nothing_though_they_stand_first(hold: str) -> None:
    with db.session() as session:
        session.add(Lease(holder_id="other", holder_kind="run", device="cpu"))
    add_runs(1)
    counted = same_cost_with_many(lambda count: add_runs(count, hold=hold, rank=-5, after_run_id="x"), supervision.tick)
    assert counted.writes == 0
    assert counted.rows <= 3


def test_a_page_of_the_queue_reads_its_rows_and_no_others() -> None:
    def look() -> None:
        assert len(waits.look(5).waiting) == 5

    counted = same_cost_with_many(add_runs, look)
    assert counted.rows <= 8  # five of them, how many there are, and which is next


def test_work_that_waits_costs_nothing_but_a_look_at_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plan.WORKERS, "resting", "tests.load.resting")
    monkeypatch.setitem(work_kinds.KINDS, "resting", work_kinds.Kind("rest"))
    add_work(2)
    work.tick()
    assert running() == 2
    counted = same_cost_with_many(add_work, work.tick)
    assert (counted.writes, running()) == (0, 2)
    assert counted.rows <= 7  # of two that run and one that waits, ids and rows, and how many run


def running() -> int:
    with db.reading() as session:
        return moving.work_under_way(session, but_kinds=())


def test_imports_that_wait_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plan.WORKERS, "import_data", "tests.load.resting")
    add_imports(2)
    importing.tick()
    counted = same_cost_with_many(add_imports, importing.tick)
    assert counted.writes == 0
    assert counted.rows <= 2 * importing.MOST_AT_ONCE  # ids, then rows


def test_runs_that_ended_long_ago_are_not_looked_at_by_trackers() -> None:
    add_runs(1, RunStatus.SUCCEEDED, ended_at=5.0)
    counted = same_cost_with_many(lambda count: add_runs(count, RunStatus.SUCCEEDED, ended_at=5.0), tracking.tick)
    assert counted.rows == 0


def test_leases_in_use_cost_no_write_lock() -> None:
    add_runs(3, RunStatus.RUNNING)
    with db.session() as session:
        for run_id in moving.runs(session):
            session.add(Lease(holder_id=run_id, holder_kind="run", device="cpu"))
    assert cost(devices.tick).writes == 0


@pytest.mark.parametrize("first", [moving.first_run, moving.first_work, moving.first_import])
def test_the_first_in_line_is_found_by_an_index_without_sorting(first: Callable[[Session], str | None]) -> None:
    with db.reading() as session, counting() as counted:
        first(session)
    (query,) = [statement for statement in counted.statements if statement.startswith("SELECT")]
    values = ("queued", "", 1, 0) if first is moving.first_run else ("queued", 1, 0)
    with db.reading() as session:
        steps = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values).fetchall()
    plan_text = " ".join(str(step) for step in steps)
    assert ("ix_run_next (status=? AND hold=?)" if first is moving.first_run else "_status_created") in plan_text
    assert "TEMP B-TREE" not in plan_text


def test_a_start_reads_no_checkpoint_however_large_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plan.WORKERS, "sft", "tests.load.resting")
    run = runs.start_run("r", RECIPE)
    folder = home.run_folder(run.id)
    checkpoint = checkpoints.folder_of(folder) / "checkpoint-5"
    checkpoint.mkdir(parents=True)
    with (checkpoint / "weights").open("wb") as weights:
        weights.truncate(LARGE_BYTES)  # a hole: it takes no room, and half an hour to read
    manifest = {"step": 5, "files": {"weights": {"size": LARGE_BYTES, "sha256": "0" * 64}}}
    (checkpoint / checkpoints.MANIFEST).write_text(json.dumps(manifest))
    supervision.tick()
    assert json.loads((folder / "spec.json").read_text())["resume_from"] == str(checkpoint)
    process.end(folder)
    supervision.tick()
    assert runs.look_up(run.id).attempt == 2
