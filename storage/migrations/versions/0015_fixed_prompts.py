"""Fixed prompts of a project, and what the weights in training answer to them"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A plain ADD COLUMN: to make the table anew would drop one that others refer to.
    op.add_column("project", sa.Column("prompts", sa.JSON(), nullable=False, server_default="[]"))
    op.create_table(
        "sample",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("prompt", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("is_cut", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_sample_run_id_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "step", "number", name=op.f("pk_sample")),
    )
    op.create_index("ix_sample_run_number_step", "sample", ["run_id", "number", "step"], unique=False)


def downgrade() -> None:
    op.drop_table("sample")
    op.drop_column("project", "prompts")
