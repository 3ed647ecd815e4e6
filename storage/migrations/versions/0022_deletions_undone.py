"""Datasets and models that were deleted and can still be had back"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TABLES = ("dataset", "model")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("deleted_at", sa.Float(), nullable=True))
        op.add_column(table, sa.Column("deletion_id", sa.String(), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("deletion_id")
            batch_op.drop_column("deleted_at")
