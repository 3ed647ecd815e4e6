"""Prices of a project, and how far the samples of a run's machine were read"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("project", schema=None) as batch_op:
        batch_op.add_column(sa.Column("price_per_kwh", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("price_per_device_hour", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("currency", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("samples_offset", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_column("samples_offset")
    with op.batch_alter_table("project", schema=None) as batch_op:
        for column in ("currency", "price_per_device_hour", "price_per_kwh"):
            batch_op.drop_column(column)
