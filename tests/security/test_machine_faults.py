"""A full disk, a busy or damaged database, a home that is none: each is said in a sentence, and passes."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from engine import faults
from engine.errors import DiskFullError
from engine.life.life import Life
from storage import db
from storage.home import database_file
from tests.rest import log_in, make_client


@pytest.fixture
def client() -> TestClient:
    return log_in(make_client())


@contextmanager
def locked() -> Iterator[None]:
    """Another program holds the database for writing."""
    connection = sqlite3.connect(database_file(), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield
    connection.execute("ROLLBACK")
    connection.close()


@contextmanager
def full() -> Iterator[None]:
    """The database cannot get a page larger: what SQLite says is what it says of a full disk."""
    with db.session() as session:
        connection = session.connection()
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    yield
    db.forget()


def test_a_busy_database_is_503_and_says_when_to_ask_again(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "BUSY_SECONDS", 0.1)
    db.forget()
    with locked():
        answer = client.post("/api/projects", json={"name": "x"})
        assert client.get("/api/projects").status_code == 200
    assert (answer.status_code, answer.json()["error"]["type"]) == (503, "busy")
    assert int(answer.headers["retry-after"]) > 0
    assert client.post("/api/projects", json={"name": "x"}).status_code == 201


def test_a_disk_that_fills_up_is_507_and_the_same_connection_goes_on(client: TestClient) -> None:
    with full():
        answers = [client.post("/api/projects", json={"name": f"{n} {'x' * 70}"}) for n in range(60)]
        refused = [answer for answer in answers if answer.status_code != 201]
        assert refused
        assert {answer.status_code for answer in refused} == {507}
        assert "Free some space" in refused[0].json()["error"]["hint"]
        kept = len(client.get("/api/projects").json())
    assert kept == 1 + len(answers) - len(refused)
    assert client.post("/api/projects", json={"name": "x"}).status_code == 201


def test_what_the_disk_refuses_is_507_wherever_it_comes_up() -> None:
    for code in (errno.ENOSPC, errno.EDQUOT):
        assert isinstance(faults.of_machine(OSError(code, "full", "/somewhere")), DiskFullError)
    assert faults.of_machine(OSError(errno.EACCES, "no", "/etc/passwd")) is None
    unusable = faults.of_machine(OSError(errno.EROFS, "Read-only", str(database_file())))
    assert "TUNESMITH_HOME" in str(unusable)
    assert faults.of_machine(ValueError("a mistake")) is None


def test_a_copy_of_the_file_alone_is_whole_after_a_stop(client: TestClient, tmp_path: Path) -> None:
    life = Life()
    life.start()
    client.post("/api/projects", json={"name": "kept"})
    life.stop()
    copy = tmp_path / "copy.db"
    copy.write_bytes(database_file().read_bytes())
    with sqlite3.connect(copy) as connection:
        assert ("kept",) in connection.execute("SELECT name FROM project").fetchall()
    connection.close()


def test_a_stop_while_another_program_holds_the_database_is_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "BUSY_SECONDS", 0.1)
    db.forget()
    with locked():
        db.flush_wal()
