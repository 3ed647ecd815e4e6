"""Files and jobs of OpenAI's fine-tuning API"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tuning_file",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("deleted_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name=op.f("fk_tuning_file_dataset_id_dataset"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tuning_file")),
    )
    op.create_index(op.f("ix_tuning_file_created_at"), "tuning_file", ["created_at"])
    op.create_index(op.f("ix_tuning_file_dataset_id"), "tuning_file", ["dataset_id"])
    _job()


def _job() -> None:
    texts = ("project_id", "model", "model_id", "start_from", "model_name", "training_file", "dataset_id", "method")
    op.create_table(
        "tuning_job",
        sa.Column("id", sa.String(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in (*texts, "stage", "asked")),
        sa.Column("validation_file", sa.String(), nullable=True),
        sa.Column("validation_dataset_id", sa.String(), nullable=True),
        sa.Column("joined_dataset_id", sa.String(), nullable=True),
        sa.Column("hyperparameters", sa.JSON(), nullable=False),
        sa.Column("suffix", sa.String(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("error", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("idempotency_key", sa.String(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_tuning_job_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tuning_job")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_tuning_job_idempotency_key")),
        sa.UniqueConstraint("model_name", name=op.f("uq_tuning_job_model_name")),
    )
    op.create_index("ix_tuning_job_stage_asked", "tuning_job", ["stage", "asked"])
    for name in ("project_id", "run_id", "created_at"):
        op.create_index(op.f(f"ix_tuning_job_{name}"), "tuning_job", [name])


def downgrade() -> None:
    op.drop_table("tuning_job")
    op.drop_table("tuning_file")
