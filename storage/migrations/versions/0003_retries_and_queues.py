"""How often work is tried again, and the first in each queue found by an index"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("work", schema=None) as batch_op:
        batch_op.add_column(sa.Column("retries", sa.Integer(), nullable=False, server_default="1"))
        batch_op.drop_index("ix_work_status")
        batch_op.create_index("ix_work_status_created", ["status", "created_at"], unique=False)
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index("ix_run_status")
        batch_op.create_index("ix_run_status_created", ["status", "created_at"], unique=False)
        batch_op.create_index("ix_run_ended_at", ["ended_at"], unique=False)
    with op.batch_alter_table("dataset", schema=None) as batch_op:
        batch_op.create_index("ix_dataset_status_created", ["status", "created_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("dataset", schema=None) as batch_op:
        batch_op.drop_index("ix_dataset_status_created")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index("ix_run_ended_at")
        batch_op.drop_index("ix_run_status_created")
        batch_op.create_index("ix_run_status", ["status"], unique=False)
    with op.batch_alter_table("work", schema=None) as batch_op:
        batch_op.drop_index("ix_work_status_created")
        batch_op.create_index("ix_work_status", ["status"], unique=False)
        batch_op.drop_column("retries")
