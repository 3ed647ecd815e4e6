"""The database, and one transaction on it.

`session()` writes: it takes SQLite's write lock at once (BEGIN IMMEDIATE), because the default loses updates when two
writers read first and write later. `reading()` never writes and never waits for a writer. Neither may be held across
a yield, an HTTP call or a subprocess.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session, create_engine

from storage import home, models, settings, tables
from storage.migrations import blank, schema
from storage.run_lists import hiding as hiding  # every session hides what was deleted and can still be had back

BUSY_SECONDS = 5


@contextmanager
def session() -> Iterator[Session]:
    """One writing transaction: commits when the block ends, rolls back when it raises."""
    with Session(_engine(url(), True), expire_on_commit=False) as new_session:
        yield new_session
        new_session.commit()


@contextmanager
def reading() -> Iterator[Session]:
    """One consistent view of the database, without the write lock."""
    with Session(_engine(url(), False), expire_on_commit=False) as new_session:
        yield new_session


def url() -> str:
    """The database's address: a SQLite file under the home unless the setting `database_url` names another."""
    return settings.place("database_url") or f"sqlite:///{home.database_file()}"


def prepare() -> None:
    """Brings the database to today's schema and makes the default project. Called once, at start."""
    home.ensure_folder(home.home())
    if not schema.is_current(_engine(url(), False)):
        blank.lay_out(_engine(url(), True))
    if not schema.is_current(_engine(url(), False)):
        from storage.migrations import migrate  # noqa: PLC0415  (Alembic takes long to import, and few starts need it)

        migrate.upgrade(_engine(url(), True))
    with session() as new_session:
        if new_session.get(tables.Project, tables.DEFAULT_PROJECT) is None:
            new_session.add(tables.Project(id=tables.DEFAULT_PROJECT, name="Default"))
        models.follow_home(new_session)


def flush_wal() -> None:
    """Moves the write-ahead log into the database's file, so that a copy of that file alone is whole.

    What another process still reads or writes after a few seconds stays in the log.
    """
    if make_url(url()).get_backend_name() != "sqlite":
        return
    with _engine(url(), False).connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)  # noqa: S101  what the line above asked for
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def forget() -> None:
    """Closes every connection, so that the file may be moved or replaced."""
    for writing in (True, False):
        _engine(url(), writing).dispose()
    _engine.cache_clear()


@lru_cache(maxsize=64)
def _engine(address: str, writing: bool) -> Engine:
    if make_url(address).get_backend_name() != "sqlite":
        return create_engine(address, pool_pre_ping=True)
    engine = create_engine(address, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _begin_immediate if writing else _begin)
    return engine


def _on_connect(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the transaction is ours to begin
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(f"PRAGMA journal_size_limit={64 << 20}")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
