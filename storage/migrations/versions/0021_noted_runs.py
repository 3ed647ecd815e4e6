"""The runs that carry a note, so that a search reads their notes alone"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    noted = sa.text("note != ''")
    op.create_index("ix_run_noted", "run", ["id"], sqlite_where=noted, postgresql_where=noted)


def downgrade() -> None:
    op.drop_index("ix_run_noted", "run")
