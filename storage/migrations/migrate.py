"""Alembic, driven from Python: the schema of a database is brought to the one in `storage.tables`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine

FOLDER = Path(__file__).parent


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return config


def upgrade(engine: Engine) -> None:
    """Runs the migrations a database lacks: all of them or none.

    SQLite changes some things of a table by making it anew, and what points to it would be deleted with the old one:
    its foreign keys rest meanwhile, and are checked at the end. Raises RuntimeError where one leads nowhere then.
    """
    config = alembic_config()
    with engine.connect() as connection, _without_foreign_keys(connection), connection.begin():
        config.attributes["connection"] = connection
        before = _pointing_nowhere(connection)
        command.upgrade(config, "head")
        if lost := _pointing_nowhere(connection) - before:
            raise RuntimeError(f"The migration would leave rows that point to nothing: {sorted(lost)[:3]}")


def _pointing_nowhere(connection: Connection) -> set[tuple[str, str]]:
    """(table, table that it points to) of every foreign key that some row breaks."""
    if connection.dialect.name != "sqlite":
        return set()
    return {(row[0], row[2]) for row in connection.exec_driver_sql("PRAGMA foreign_key_check")}


@contextmanager
def _without_foreign_keys(connection: Connection) -> Iterator[None]:
    if connection.dialect.name != "sqlite":
        yield
        return
    cursor = connection.connection.cursor()
    cursor.execute("PRAGMA foreign_keys=OFF")  # outside a transaction: inside one it does nothing
    try:
        yield
    finally:
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()
