"""One number for each version of a dataset, how often work is tried again, and indexes for queues and lists"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

dataset = sa.table(
    "dataset",
    sa.column("id", sa.String()),
    sa.column("family_id", sa.String()),
    sa.column("version", sa.Integer()),
    sa.column("created_at", sa.Float()),
)


def upgrade() -> None:
    _renumber()
    with op.batch_alter_table("dataset", schema=None) as batch_op:
        batch_op.drop_index("ix_dataset_family_id")
        batch_op.drop_index("ix_dataset_project_id")
        batch_op.create_index("ix_dataset_family_version", ["family_id", "version"], unique=True)
        listed = ["project_id", "created_at", "family_id", "version"]  # all that decides what a list shows
        batch_op.create_index("ix_dataset_project_created", listed, unique=False)
        batch_op.create_index("ix_dataset_status_created", ["status", "created_at"], unique=False)
    with op.batch_alter_table("work", schema=None) as batch_op:
        batch_op.add_column(sa.Column("retries", sa.Integer(), nullable=False, server_default="1"))
        batch_op.drop_index("ix_work_status")
        batch_op.drop_index("ix_work_subject_id")
        batch_op.create_index("ix_work_status_created", ["status", "created_at"], unique=False)
        batch_op.create_index("ix_work_subject_kind", ["subject_id", "kind", "created_at"], unique=False)
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index("ix_run_status")
        batch_op.create_index("ix_run_created_at", ["created_at"], unique=False)
        batch_op.create_index("ix_run_ended_at", ["ended_at"], unique=False)
        batch_op.create_index("ix_run_status_created", ["status", "created_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index("ix_run_status_created")
        batch_op.drop_index("ix_run_ended_at")
        batch_op.drop_index("ix_run_created_at")
        batch_op.create_index("ix_run_status", ["status"], unique=False)
    with op.batch_alter_table("work", schema=None) as batch_op:
        batch_op.drop_index("ix_work_subject_kind")
        batch_op.drop_index("ix_work_status_created")
        batch_op.create_index("ix_work_subject_id", ["subject_id"], unique=False)
        batch_op.create_index("ix_work_status", ["status"], unique=False)
        batch_op.drop_column("retries")
    with op.batch_alter_table("dataset", schema=None) as batch_op:
        batch_op.drop_index("ix_dataset_status_created")
        batch_op.drop_index("ix_dataset_project_created")
        batch_op.drop_index("ix_dataset_family_version")
        batch_op.create_index("ix_dataset_project_id", ["project_id"], unique=False)
        batch_op.create_index("ix_dataset_family_id", ["family_id"], unique=False)


def _renumber() -> None:
    """Two changes in the same instant could get the same number: the later one takes the next, and so do those behind.

    A number that nobody else has stays, with the gaps that deleted versions leave.
    """
    connection = op.get_bind()
    order = (dataset.c.family_id, dataset.c.version, dataset.c.created_at, dataset.c.id)
    last_family, last_version = None, 0
    for row in connection.execute(sa.select(*order).order_by(*order)).all():
        version = max(row.version, last_version + 1) if row.family_id == last_family else row.version
        if version != row.version:
            connection.execute(sa.update(dataset).where(dataset.c.id == row.id).values(version=version))
        last_family, last_version = row.family_id, version
