"""Links show a chat too; answers keep how they were drawn; names are written in one way (NFC)"""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

NAMED = ("run", "dataset", "model", "sweep")
FOREIGN_KEY, INDEX = "fk_live_link_chat_id_chat", "ix_live_link_chat_id"


def upgrade() -> None:
    for table in NAMED:
        _compose(table)
    op.add_column("message", sa.Column("sampling", sa.JSON(), nullable=True))
    with op.batch_alter_table("live_link", schema=None) as batch_op:
        batch_op.alter_column("run_id", existing_type=sa.String(), nullable=True)
        batch_op.add_column(sa.Column("chat_id", sa.String(), nullable=True))
        batch_op.create_foreign_key(batch_op.f(FOREIGN_KEY), "chat", ["chat_id"], ["id"], ondelete="CASCADE")
        batch_op.create_index(batch_op.f(INDEX), ["chat_id"], unique=False)


def _compose(table: str) -> None:
    """A name that came from a file of a Mac was kept with its letters in pieces, and no search found it.

    A sweep keeps its name where another of its project has that already: there a name is given once.
    """
    named = sa.table(table, *(sa.column(name, sa.String()) for name in ("id", "name", "project_id")))
    is_once = table == "sweep"
    columns = [named.c.id, named.c.name, *([named.c.project_id] if is_once else [])]
    rows = op.get_bind().execute(sa.select(*columns)).all()
    taken = {(row.project_id, row.name) for row in rows} if is_once else set()
    for row in rows:
        composed = unicodedata.normalize("NFC", row.name)
        if composed != row.name and not (is_once and (row.project_id, composed) in taken):
            op.execute(sa.update(named).where(named.c.id == row.id).values(name=composed))
            taken |= {(row.project_id, composed)} if is_once else set()


def downgrade() -> None:
    op.execute("DELETE FROM live_link WHERE run_id IS NULL")
    with op.batch_alter_table("live_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f(INDEX))
        batch_op.drop_constraint(batch_op.f(FOREIGN_KEY), type_="foreignkey")
        batch_op.drop_column("chat_id")
        batch_op.alter_column("run_id", existing_type=sa.String(), nullable=False)
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_column("sampling")
