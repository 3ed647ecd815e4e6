"""Sweeps, their trials, and what people picked"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

LISTED = (
    "project_id", "deleted_at", "archived", "created_at", "id", "name", "status", "method", "model_id", "dataset_id",
    "favourite", "tags", "step", "loss", "tokens_per_second", "started_at", "ended_at",
)  # fmt: skip
OF_A_SWEEP = ("sweep.id",)


def upgrade() -> None:
    op.add_column("run", sa.Column("sweep_id", sa.String(), nullable=True))
    op.create_index("ix_run_sweep_created", "run", ["sweep_id", "created_at"])
    op.drop_index("ix_run_list", table_name="run")
    op.create_index("ix_run_list", "run", [*LISTED, "sweep_id"])
    _sweep()
    _trial()
    op.create_table(
        "trial_pick",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sweep_id", sa.String(), nullable=False),
        sa.Column("winner", sa.Integer(), nullable=False),
        sa.Column("loser", sa.Integer(), nullable=False),
        sa.Column("is_alike", sa.Boolean(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sweep_id"], OF_A_SWEEP, name=op.f("fk_trial_pick_sweep_id_sweep"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trial_pick")),
    )
    op.create_index(op.f("ix_trial_pick_sweep_id"), "trial_pick", ["sweep_id"])


def _sweep() -> None:
    op.create_table(
        "sweep",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("id", "project_id", "name")),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("goal", sa.Integer(), nullable=True),
        sa.Column("is_lifted", sa.Boolean(), nullable=False),
        sa.Column("question", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("hint", sa.String(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("moved_at", sa.Float(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=True),
        sa.Column("seconds_before", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_sweep_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep")),
        sa.UniqueConstraint("project_id", "name", name="uq_sweep_project_id_name"),
    )
    op.create_index(op.f("ix_sweep_status"), "sweep", ["status"])
    op.create_index(op.f("ix_sweep_created_at"), "sweep", ["created_at"])


def _trial() -> None:
    op.create_table(
        "trial",
        sa.Column("sweep_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("state", "phase")),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("of", sa.Integer(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("values", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("judged_step", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("is_put_away", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=True),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["sweep_id"], OF_A_SWEEP, name=op.f("fk_trial_sweep_id_sweep"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sweep_id", "number", name=op.f("pk_trial")),
    )
    op.create_index("ix_trial_sweep_state", "trial", ["sweep_id", "state"])
    op.create_index("ix_trial_sweep_put_away", "trial", ["sweep_id", "is_put_away"])
    op.create_index(op.f("ix_trial_run_id"), "trial", ["run_id"])


def downgrade() -> None:
    for table in ("trial_pick", "trial", "sweep"):
        op.drop_table(table)
    op.drop_index("ix_run_list", table_name="run")
    op.drop_index("ix_run_sweep_created", table_name="run")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_column("sweep_id")
    op.create_index("ix_run_list", "run", list(LISTED))
