"""Chats keep what was changed as branches; answers keep their weights, speed, ratings and votes"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

TEXTS, NUMBERS = ("weights", "system", "better"), ("seconds", "first_token_seconds")
JUDGED = {"rating": "rating != 0", "better": "better != ''"}


def upgrade() -> None:
    op.add_column("chat", sa.Column("branch_of", sa.String(), nullable=True))
    op.create_index(op.f("ix_chat_branch_of"), "chat", ["branch_of"])
    for name in TEXTS:
        op.add_column("message", sa.Column(name, sa.String(), nullable=False, server_default=""))
    for name in NUMBERS:
        op.add_column("message", sa.Column(name, sa.Float(), nullable=True))
    op.add_column("message", sa.Column("tokens", sa.Integer(), nullable=True))
    op.add_column("message", sa.Column("tokens_estimated", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("message", sa.Column("rating", sa.Integer(), nullable=False, server_default="0"))
    for name, condition in JUDGED.items():
        judged = sa.text(condition)
        op.create_index(f"ix_message_{name}", "message", ["id"], sqlite_where=judged, postgresql_where=judged)


def downgrade() -> None:
    for name in JUDGED:
        op.drop_index(f"ix_message_{name}", "message")
    op.drop_index(op.f("ix_chat_branch_of"), "chat")
    with op.batch_alter_table("message", schema=None) as batch_op:
        for name in (*TEXTS, *NUMBERS, "tokens", "tokens_estimated", "rating"):
            batch_op.drop_column(name)
    with op.batch_alter_table("chat", schema=None) as batch_op:
        batch_op.drop_column("branch_of")
