"""Endpoints: a deployment that is tried first, sleep, and requests that wait"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TIMES = ("idle_minutes", "last_used_at", "asleep_at", "waits_since")


def upgrade() -> None:
    with op.batch_alter_table("endpoint", schema=None) as batch_op:
        batch_op.add_column(sa.Column("canary_backend_id", sa.String(), nullable=True))
        for name in TIMES:
            batch_op.add_column(sa.Column(name, sa.Float(), nullable=True))
    with op.batch_alter_table("backend", schema=None) as batch_op:
        for name in ("rollout", "outcome"):
            batch_op.add_column(sa.Column(name, sa.JSON(), nullable=False, server_default=sa.text("'{}'")))


def downgrade() -> None:
    with op.batch_alter_table("backend", schema=None) as batch_op:
        for name in ("outcome", "rollout"):
            batch_op.drop_column(name)
    with op.batch_alter_table("endpoint", schema=None) as batch_op:
        for name in reversed(TIMES):
            batch_op.drop_column(name)
        batch_op.drop_column("canary_backend_id")
