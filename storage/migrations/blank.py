"""An empty database brought to the schema at once: what the migrations leave in a blank one, kept as SQL.

The first start needs neither Alembic nor each migration, which took a tenth of its processor time. The SQL carries the
revision it was made at: newer migrations run after it, so an old copy costs time and nothing else.
`python -m storage.migrations.blank` writes it anew.
"""

import sqlite3
import tempfile
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import create_engine

FILE = Path(__file__).with_name("blank.sql")
BETWEEN = "\n--\n"  # statements


def lay_out(engine: Engine) -> None:
    """The tables, in a SQLite database without any; nothing happens where there is one. All of them or none."""
    if engine.dialect.name != "sqlite":
        return
    with engine.begin() as connection:  # a writing engine: others that start at the same time wait here
        if connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1").scalar() is None:
            for statement in FILE.read_text(encoding="utf-8").split(BETWEEN):
                connection.exec_driver_sql(statement)


def statements() -> list[str]:
    """What the migrations make of a blank database."""
    from storage.migrations import migrate  # noqa: PLC0415  (Alembic takes long to import)

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "blank.db"
        migrate.upgrade(engine := create_engine(f"sqlite:///{file}"))
        engine.dispose()
        with sqlite3.connect(file) as connection:
            return dump(connection)


def dump(connection: sqlite3.Connection) -> list[str]:
    """A database as statements, without their transaction."""
    return [line for line in connection.iterdump() if line not in ("BEGIN TRANSACTION;", "COMMIT;")]


if __name__ == "__main__":
    FILE.write_text(BETWEEN.join(statements()) + "\n", encoding="utf-8")
