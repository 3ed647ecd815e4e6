"""Snippets of code and their versions"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "snippet",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_snippet_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snippet")),
    )
    with op.batch_alter_table("snippet", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_snippet_project_id"), ["project_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_snippet_updated_at"), ["updated_at"], unique=False)
    op.create_table(
        "snippet_version",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("snippet_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("files_json", sa.JSON(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("result_json", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["snippet_id"], ["snippet.id"], name=op.f("fk_snippet_version_snippet_id_snippet"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snippet_version")),
        sa.UniqueConstraint("snippet_id", "number", name=op.f("uq_snippet_version_snippet_id")),
    )
    with op.batch_alter_table("snippet_version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_snippet_version_snippet_id"), ["snippet_id"], unique=False)


def downgrade() -> None:
    op.drop_table("snippet_version")
    op.drop_table("snippet")
