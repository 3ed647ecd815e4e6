"""Homes that released versions left when everything was killed at once: today's studio opens them, and all goes on.

The homes are made by tests.homes.make. In each a run was in the middle of its training and another one waited, an
endpoint was answering, a dataset was being imported and the tokens of another one were being counted.
"""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import select
from starlette.testclient import TestClient

from engine.chat import chat
from engine.process import plan, process
from storage import db
from storage.migrations import migrate
from storage.statuses import WorkStatus
from storage.tables import Work
from tests.conftest import ROOT
from tests.homes.make import unpack
from tests.rest import log_in, make_client
from tests.waiting import wait_for

ARCHIVES = sorted(Path(__file__).parent.glob("*.tar.xz"))
STEPS = 60  # of the run in the middle
MINUTES = 60.0
NOUNS = ("runs", "models", "datasets", "endpoints")


@pytest.fixture(params=ARCHIVES, ids=lambda archive: archive.name.removesuffix(".tar.xz"))
def old_home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """One of the homes, in which nothing lives. Whatever is begun in it is ended."""
    folder = unpack(request.param, tmp_path / "old")
    monkeypatch.setenv("TUNESMITH_HOME", str(folder))
    yield folder
    for shim in folder.glob("*/*/shim.json"):
        process.kill(shim.parent)


def studio() -> TestClient:
    """Today's studio, with its engine, on whatever is the home now."""
    return log_in(make_client(with_engine=True))


def named(client: TestClient, noun: str, name: str) -> dict[str, Any]:
    """The run, dataset, model or endpoint of that name, as REST shows it."""
    (row,) = [row for row in client.get(f"/api/{noun}").json() if row["name"] == name]
    return dict(row)


def becomes(client: TestClient, noun: str, name: str, status: str) -> dict[str, Any]:
    wait_for(lambda: named(client, noun, name)["status"] == status, 5 * MINUTES, every=0.3)
    return named(client, noun, name)


def losses(client: TestClient, run_id: str) -> list[int]:
    """The steps whose loss is known."""
    points = client.get(f"/api/runs/{run_id}/metrics", params={"name": "loss", "max_points": 4000}).json()["points"]
    return [step for step, _loss in points]


def test_its_database_is_brought_up_to_date_and_everything_is_listed(old_home: Path) -> None:
    db.prepare()
    with db.reading() as session:
        revision = MigrationContext.configure(session.connection()).get_current_revision()
    assert revision == ScriptDirectory.from_config(migrate.alembic_config()).get_current_head()
    with log_in(make_client()) as client:
        states = {noun: {row["name"]: row["status"] for row in client.get(f"/api/{noun}").json()} for noun in NOUNS}
        assert states == {
            "runs": {"ended": "succeeded", "in the middle": "running", "waiting": "queued"},
            "models": {"tiny": "ready"},
            "datasets": {"sums": "ready", "half imported": "importing"},
            "endpoints": {"ended": "ready"},
        }
        ended = named(client, "runs", "ended")
        assert losses(client, ended["id"]) == list(range(1, 13))
        saved = client.get(f"/api/runs/{ended['id']}/checkpoints").json()
        assert {checkpoint["step"]: checkpoint["good"] for checkpoint in saved} == {12: True, 8: True}
        rows = client.get(f"/api/datasets/{named(client, 'datasets', 'sums')['id']}/rows").json()["rows"]
        assert "What is 0 plus 0?" in json.dumps(rows[0])
        health = client.get(f"/api/datasets/{named(client, 'datasets', 'sums')['id']}/health").json()
        assert health["status"] == "succeeded"
        assert client.get("/api/snippets").json() == []
        kept = client.post("/api/snippets", json={"name": "new", "files": {"main.py": "x = 1\n"}})
        assert (kept.status_code, kept.json()["newest"]) == (201, 1)
    ((talk, _),) = chat.recent_chats()
    assert [message.content for message in chat.messages(talk.id)] == ["Hello", "Hello you", "Goodbye"]


@pytest.mark.usefixtures("untraced")
@pytest.mark.slow  # two runs train and an endpoint answers, as programs that import torch
def test_all_that_was_interrupted_goes_on(old_home: Path) -> None:
    with studio() as client:
        run = becomes(client, "runs", "in the middle", "succeeded")
        assert (run["step"], run["attempt"], run["artifact"]) == (STEPS, 2, "adapter")
        assert run["facts"]["resumed_from_step"] >= 10
        assert losses(client, run["id"]) == list(range(1, STEPS + 1))
        assert becomes(client, "runs", "waiting", "succeeded")["step"] == 2
        assert becomes(client, "datasets", "half imported", "ready")["accepted"] == 4000
        endpoint = becomes(client, "endpoints", "ended", "ready")
        question = {"model": "ended", "messages": [{"role": "user", "content": "What is 1 plus 1?"}], "max_tokens": 2}
        assert client.post("/v1/chat/completions", json=question).status_code == 200
        wait_for(lambda: counting().status == WorkStatus.SUCCEEDED, MINUTES)
        client.post(f"/api/endpoints/{endpoint['id']}/stop")
    for folder in ("runs", "backends"):
        assert_only_todays_programs(old_home / folder)


def counting() -> Work:
    """The token counting that was under way. REST knows it by the model's path, which is another one here."""
    with db.reading() as session:
        return session.exec(select(Work).where(Work.kind == "token_totals")).one()


def assert_only_todays_programs(folder: Path) -> None:
    """What was started anew was planned anew: a program may have moved since the old version wrote its plan."""
    again = [json.loads(path.read_text())["argv"] for path in folder.glob("*/plan.2.json")]
    assert again
    assert all(argv[2] in plan.WORKERS.values() for argv in again)


def test_a_training_that_outlived_the_old_studio_is_taken_up_and_not_started_again(
    old_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = tmp_path / "seen by today's studio"
    monkeypatch.setenv("FAKE_GATE", str(gate))
    monkeypatch.setitem(plan.WORKERS, "sft", "tests.fake_worker")
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    monkeypatch.setenv("FAKE_STEPS", str(STEPS))
    db.prepare()  # today's tables, as every start makes them; the engine comes later
    with log_in(make_client()) as client:
        run = named(client, "runs", "in the middle")
    folder = old_home / "runs" / run["id"]
    goes_on_from(folder, run["step"])
    shim = start_old_shim(old_home, folder)
    with studio() as client:
        becomes(client, "runs", "in the middle", "running")
        wait_for(lambda: named(client, "runs", "in the middle")["step"] > run["step"], MINUTES)
        assert shim.poll() is None
        gate.touch()
        run = becomes(client, "runs", "in the middle", "succeeded")
        assert (run["step"], run["attempt"]) == (STEPS, 1)
        assert losses(client, run["id"]) == list(range(1, STEPS + 1))
    assert shim.wait(60) == 0
    assert not (folder / "plan.2.json").exists()


def goes_on_from(folder: Path, step: int) -> None:
    """Makes the fake worker begin where the old one was."""
    (folder / "state.json").write_text(json.dumps({"step": step}))
    spec = json.loads((folder / "spec.json").read_text())
    (folder / "spec.json").write_text(json.dumps(spec | {"resume_from": str(folder)}))
    argv = [sys.executable, "-m", "tests.fake_worker", str(folder / "spec.json"), str(folder)]
    (folder / "plan.1.json").write_text(json.dumps({"argv": argv, "env": {}}))


def start_old_shim(home: Path, folder: Path) -> "subprocess.Popen[bytes]":
    """The old version's own shim, started as it was then: it holds the folder's lock as long as it lives."""
    lock = os.open(folder / "shim.lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    argv = [sys.executable, "-I", str(home.parent / "shim.py"), str(folder), "1", str(lock)]
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    shim = subprocess.Popen(argv, env=env, cwd="/", start_new_session=True, pass_fds=(lock,))
    os.close(lock)
    return shim
