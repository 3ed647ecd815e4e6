"""Which revision of the schema a database has and the studio needs, without Alembic, which takes long to import."""

from pathlib import Path

from sqlalchemy import Engine, inspect, text

VERSIONS = Path(__file__).parent / "versions"


def is_current(engine: Engine) -> bool:
    """Whether the database lacks no migration."""
    return revision(engine) == newest()


def newest() -> str:
    """The revision of the newest migration: the name of its file begins with it."""
    return max(path.name.partition("_")[0] for path in VERSIONS.glob("[0-9]*_*.py"))


def revision(engine: Engine) -> str | None:
    """The database's revision, as Alembic keeps it; None for a new database."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
