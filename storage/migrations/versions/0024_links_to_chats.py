"""Links show a chat too; answers keep how they were drawn"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

FOREIGN_KEY, INDEX = "fk_live_link_chat_id_chat", "ix_live_link_chat_id"


def upgrade() -> None:
    op.add_column("message", sa.Column("sampling", sa.JSON(), nullable=True))
    with op.batch_alter_table("live_link", schema=None) as batch_op:
        batch_op.alter_column("run_id", existing_type=sa.String(), nullable=True)
        batch_op.add_column(sa.Column("chat_id", sa.String(), nullable=True))
        batch_op.create_foreign_key(batch_op.f(FOREIGN_KEY), "chat", ["chat_id"], ["id"], ondelete="CASCADE")
        batch_op.create_index(batch_op.f(INDEX), ["chat_id"], unique=False)


def downgrade() -> None:
    op.execute("DELETE FROM live_link WHERE run_id IS NULL")
    with op.batch_alter_table("live_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f(INDEX))
        batch_op.drop_constraint(batch_op.f(FOREIGN_KEY), type_="foreignkey")
        batch_op.drop_column("chat_id")
        batch_op.alter_column("run_id", existing_type=sa.String(), nullable=False)
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_column("sampling")
