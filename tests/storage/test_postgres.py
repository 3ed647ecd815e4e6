"""The same tables on PostgreSQL: a real server of our own, in a temporary folder."""

import math
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlmodel import SQLModel

from engine.runs import curves
from storage import db, runs, transitions
from storage.statuses import RunStatus
from storage.tables import Dataset, Model, Run
from tests.conftest import needs


def _find(name: str) -> str | None:
    return shutil.which(name) or next(map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)


# Slow: a cluster of PostgreSQL is made and started.
pytestmark = [pytest.mark.slow, needs(_find("initdb"), "PostgreSQL")]


def _program(name: str) -> str:
    path = _find(name)
    assert path, "PostgreSQL is not installed; `apt-get install postgresql` brings it"
    return path


def _as_its_user(argv: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *argv] if os.geteuid() == 0 else argv


@pytest.fixture
def postgres(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server on a free port; the studio's database address names it."""
    folder = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    folder.chmod(0o777)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    init = [_program("initdb"), "-D", str(folder / "data"), "-A", "trust", "-U", "studio", "--no-sync"]
    control = [_program("pg_ctl"), "-D", str(folder / "data"), "-w"]
    serve = ["-o", f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off", "-l", str(folder / "log")]
    subprocess.run(_as_its_user(init), check=True, capture_output=True, cwd="/")
    subprocess.run(_as_its_user([*control, *serve, "start"]), check=True, stdout=subprocess.DEVNULL, cwd="/")
    db.forget()
    monkeypatch.setenv("TUNESMITH_DATABASE_URL", f"postgresql+psycopg://studio@127.0.0.1:{port}/postgres")
    try:
        db.prepare()
        yield
    finally:
        db.forget()
        stop = [*control, "-m", "immediate", "stop"]
        subprocess.run(_as_its_user(stop), check=True, stdout=subprocess.DEVNULL, cwd="/")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.usefixtures("postgres")
def test_the_studio_works_on_postgres() -> None:
    with db.reading() as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
    with db.session() as session:
        session.add(Model(id="m1", source="path", source_id="x", name="m", size_bytes=2**40))
        session.add(Dataset(id="d1", project_id="default", name="d"))
        session.flush()
        session.add(Run(id="r1", project_id="default", name="r", model_id="m1", dataset_id="d1", recipe={"seed": 1}))
        session.flush()
        runs.add_metrics(session, [("r1", "loss", 1, 2.0), ("r1", "loss", 2, 1.5)])
        runs.add_metrics(session, [("r1", "loss", 2, 1.25)])
    with db.session() as session:
        run = runs.get(session, "r1")
        assert run
        assert run.recipe == {"seed": 1}
        assert transitions.move_run(session, run, RunStatus.QUEUED, RunStatus.STARTING)
        assert not transitions.move_run(session, run, RunStatus.QUEUED, RunStatus.STARTING)
        assert runs.curve(session, "r1", "loss") == [(1, 2.0), (2, 1.25)]
        assert runs.curve(session, "r1", "loss", 2, 2**31 - 1) == [(2, 1.25)]
        runs.delete_with_metrics(session, run)
    with db.reading() as session:
        assert runs.count(session) == 0


@pytest.mark.usefixtures("postgres")
def test_a_long_curve_is_thinned_as_on_sqlite() -> None:
    points = [(step, math.sin(step)) for step in range(0, 9_000, 3)]
    points[700] = (2_100, math.inf)
    points[-1] = (2**31 - 1, -3.0)
    with db.session() as session:
        session.add(Model(id="m1", source="path", source_id="x", name="m"))
        session.add(Dataset(id="d1", project_id="default", name="d"))
        session.flush()
        session.add(Run(id="r1", project_id="default", name="r", model_id="m1", dataset_id="d1", recipe={}))
        session.flush()
        runs.add_metrics(session, [("r1", "loss", *point) for point in points])
    assert curves.read("r1", "loss", last=2**53) == (points, False)
    lowest = min(points[:-1], key=lambda point: point[1])
    assert curves.read("r1", "loss", max_points=6).points == [points[0], points[700], lowest, points[-1]]
    within = curves.read("r1", "loss", 3_000, 8_000, max_points=402)
    assert within.thinned
    assert len(within.points) > 200
    assert set(within.points) <= set(points)
    assert (within.points[0], within.points[-1]) == (points[1_000], points[2_666])
