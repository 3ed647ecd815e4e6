"""The queue of trainings: priority, place, after which run, what it waits for; its settings; sleep for a training"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rank", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("position", sa.Float(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("after_run_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("after_success", sa.Boolean(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("hold", sa.String(), nullable=False, server_default=""))
        batch_op.create_index(batch_op.f("ix_run_after_run_id"), ["after_run_id"], unique=False)
    op.execute("UPDATE run SET position = created_at")
    # Which may start next, and how all that wait stand in line.
    op.create_index("ix_run_next", "run", ["status", "hold", "rank", "position", "created_at"])
    op.create_index("ix_run_line", "run", ["status", "rank", "position", "created_at"])
    op.create_table(
        "queue_state",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("paused_at", sa.Float(), nullable=True),
        sa.Column("pause_reason", sa.String(), nullable=False),
        sa.Column("stop_after_failure", sa.Boolean(), nullable=False),
        sa.Column("sleep_idle_minutes", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_state")),
    )
    op.create_table(
        "polite_sleep",
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["endpoint.id"], name=op.f("fk_polite_sleep_endpoint_id_endpoint"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("endpoint_id", name=op.f("pk_polite_sleep")),
    )


def downgrade() -> None:
    op.drop_table("polite_sleep")
    op.drop_table("queue_state")
    op.drop_index("ix_run_line", "run")
    op.drop_index("ix_run_next", "run")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_run_after_run_id"))
        for column in ("hold", "after_success", "after_run_id", "position", "rank"):
            batch_op.drop_column(column)
