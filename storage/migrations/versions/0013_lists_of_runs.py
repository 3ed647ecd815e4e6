"""Lists of runs: tags, notes, favourites, the archive, deletion that can be undone, metrics in short, saved views"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

LISTED = (
    "project_id", "deleted_at", "archived", "created_at", "id", "name", "status", "method", "model_id", "dataset_id",
    "favourite", "tags", "step", "loss", "tokens_per_second", "started_at", "ended_at",
)  # fmt: skip
NEW_COLUMNS = ("method", "tags", "note", "favourite", "archived", "deleted_at")
SUMMARIES = """
    INSERT INTO metric_summary (name, run_id, last, last_step, least, least_step, greatest, greatest_step)
    SELECT ends.name, ends.run_id,
        (SELECT value FROM metric m WHERE m.run_id = ends.run_id AND m.name = ends.name AND m.step = ends.final),
        ends.final, ends.least,
        (SELECT min(step) FROM metric m WHERE m.run_id = ends.run_id AND m.name = ends.name AND m.value = ends.least),
        ends.greatest,
        (SELECT min(step) FROM metric m WHERE m.run_id = ends.run_id AND m.name = ends.name AND m.value = ends.greatest)
    FROM (
        SELECT run_id, name, max(step) AS final, min(value) AS least, max(value) AS greatest
        FROM metric GROUP BY run_id, name
    ) AS ends
"""


def upgrade() -> None:
    op.add_column("run", sa.Column("method", sa.String(), nullable=False, server_default=""))
    op.add_column("run", sa.Column("tags", sa.String(), nullable=False, server_default="[]"))
    op.add_column("run", sa.Column("note", sa.String(), nullable=False, server_default=""))
    op.add_column("run", sa.Column("favourite", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("run", sa.Column("archived", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("run", sa.Column("deleted_at", sa.Float(), nullable=True))
    run = sa.table("run", sa.column("method", sa.String), sa.column("recipe", sa.JSON))
    op.execute(run.update().values(method=sa.func.coalesce(run.c.recipe["method"].as_string(), "")))
    op.drop_index("ix_run_status_created", table_name="run")
    op.create_index("ix_run_status_created", "run", ["status", "created_at", "deleted_at"], unique=False)
    op.create_index("ix_run_list", "run", list(LISTED), unique=False)
    deleted = sa.text("deleted_at IS NOT NULL")
    op.create_index("ix_run_deleted", "run", ["deleted_at"], sqlite_where=deleted, postgresql_where=deleted)
    _summaries()
    op.create_table(
        "saved_view",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_saved_view_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_saved_view_project_id")),
    )
    op.create_table(
        "run_undo",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_run_undo_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_undo")),
    )
    op.create_index(op.f("ix_run_undo_project_id"), "run_undo", ["project_id"], unique=False)
    op.create_index(op.f("ix_run_undo_at"), "run_undo", ["at"], unique=False)


def _summaries() -> None:
    op.create_table(
        "metric_summary",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("last", sa.Float(), nullable=False),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.Column("least", sa.Float(), nullable=False),
        sa.Column("least_step", sa.Integer(), nullable=False),
        sa.Column("greatest", sa.Float(), nullable=False),
        sa.Column("greatest_step", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_metric_summary_run_id_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("name", "run_id", name=op.f("pk_metric_summary")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_metric_summary_run_id"), "metric_summary", ["run_id"], unique=False)
    op.execute(SUMMARIES)


def downgrade() -> None:
    for table in ("run_undo", "saved_view", "metric_summary"):
        op.drop_table(table)
    for index in ("ix_run_deleted", "ix_run_list", "ix_run_status_created"):
        op.drop_index(index, table_name="run")
    op.create_index("ix_run_status_created", "run", ["status", "created_at"], unique=False)
    with op.batch_alter_table("run", schema=None) as batch_op:
        for column in NEW_COLUMNS:
            batch_op.drop_column(column)
