"""Alembic's entry: it runs on the connection `storage.migrations.migrate` hands over."""

from typing import Any, Literal

from alembic import context
from sqlmodel import AutoString, SQLModel

from storage import tables  # noqa: F401  (registers the tables)


def _render(kind: str, item: Any, _autogenerate: Any) -> str | Literal[False]:
    """Plain SQLAlchemy in the migrations: they must not change when SQLModel does."""
    return "sa.String()" if kind == "type" and isinstance(item, AutoString) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    render_item=_render,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
