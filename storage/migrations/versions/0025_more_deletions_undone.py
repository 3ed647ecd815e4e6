"""Chats, messages, snippets, evaluations and sweeps that were deleted can still be had back"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

TABLES = ("chat", "message", "snippet", "evaluation", "sweep")
HIDDEN, THERE = sa.text("deleted_at IS NOT NULL"), sa.text("deleted_at IS NULL")
NAME, NAMED = "uq_sweep_project_id_name", ["project_id", "name"]


def upgrade() -> None:
    with op.batch_alter_table("sweep", schema=None) as batch_op:
        batch_op.drop_constraint(NAME, type_="unique")
    op.add_column("sweep", sa.Column("let_go", sa.JSON(none_as_null=True), nullable=True))
    for table in TABLES:
        op.add_column(table, sa.Column("deleted_at", sa.Float(), nullable=True))
        op.add_column(table, sa.Column("deletion_id", sa.String(), nullable=True))
        hidden = ["deleted_at", "id"]
        op.create_index(f"ix_{table}_hidden", table, hidden, sqlite_where=HIDDEN, postgresql_where=HIDDEN)
    op.create_index(NAME, "sweep", NAMED, unique=True, sqlite_where=THERE, postgresql_where=THERE)


def downgrade() -> None:
    op.drop_index(NAME, "sweep")
    for table in TABLES:
        op.execute(f"DELETE FROM {table} WHERE deleted_at IS NOT NULL")  # noqa: S608  a name of ours
        op.drop_index(f"ix_{table}_hidden", table)
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("deletion_id")
            batch_op.drop_column("deleted_at")
    with op.batch_alter_table("sweep", schema=None) as batch_op:
        batch_op.drop_column("let_go")
        batch_op.create_unique_constraint(NAME, NAMED)
