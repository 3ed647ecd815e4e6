"""Tags and a description of datasets and models, as people write them"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLES = ("dataset", "model")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("tags", sa.String(), nullable=False, server_default="[]"))
        op.add_column(table, sa.Column("description", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    for table in TABLES:
        with op.batch_alter_table(table, schema=None) as batch_op:
            for column in ("tags", "description"):
                batch_op.drop_column(column)
