"""The registry: models by name, versions, aliases, who follows them, and the log"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "registered_model",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("versions_made", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_registered_model_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registered_model")),
        sa.UniqueConstraint("name", name=op.f("uq_registered_model_name")),
    )
    _index("registered_model", "project_id", "updated_at")
    op.create_table(
        "model_version",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("registered_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("export_id", sa.String(), nullable=True),
        sa.Column("model_id", sa.String(), nullable=True),
        sa.Column("lineage", sa.JSON(), nullable=False),
        sa.Column("files", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("work_id", sa.String(), nullable=True),
        sa.Column("checked_at", sa.Float(), nullable=True),
        sa.Column("changed", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        _of_a_model("model_version"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_model_version_run_id_run")),
        sa.ForeignKeyConstraint(["export_id"], ["export.id"], name=op.f("fk_model_version_export_id_export")),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_model_version_model_id_model")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_version")),
        sa.UniqueConstraint("registered_id", "number", name=op.f("uq_model_version_registered_id")),
    )
    _index("model_version", "registered_id", "run_id", "export_id", "model_id")
    op.create_table(
        "model_alias",
        sa.Column("registered_id", sa.String(), nullable=False),
        sa.Column("alias", sa.String(), nullable=False),
        sa.Column("version_id", sa.String(), nullable=False),
        sa.Column("moved_at", sa.Float(), nullable=False),
        _of_a_model("model_alias"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["model_version.id"], name=op.f("fk_model_alias_version_id_model_version")
        ),
        sa.PrimaryKeyConstraint("registered_id", "alias", name=op.f("pk_model_alias")),
    )
    _index("model_alias", "version_id")
    op.create_table(
        "alias_follower",
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("registered_id", sa.String(), nullable=False),
        sa.Column("alias", sa.String(), nullable=False),
        sa.Column("version_id", sa.String(), nullable=True),
        sa.Column("backend_id", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("hint", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["endpoint.id"], name=op.f("fk_alias_follower_endpoint_id_endpoint"), ondelete="CASCADE"
        ),
        _of_a_model("alias_follower"),
        sa.PrimaryKeyConstraint("endpoint_id", name=op.f("pk_alias_follower")),
    )
    _index("alias_follower", "registered_id")
    op.create_table(
        "registry_move",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("registered_id", sa.String(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("alias", sa.String(), nullable=False),
        sa.Column("before", sa.Integer(), nullable=True),
        sa.Column("after", sa.Integer(), nullable=True),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("gate", sa.JSON(none_as_null=True), nullable=True),
        _of_a_model("registry_move"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registry_move")),
    )
    _index("registry_move", "registered_id")


def _of_a_model(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["registered_id"],
        ["registered_model.id"],
        name=op.f(f"fk_{table}_registered_id_registered_model"),
        ondelete="CASCADE",
    )


def _index(table: str, *columns: str) -> None:
    with op.batch_alter_table(table, schema=None) as batch_op:
        for column in columns:
            batch_op.create_index(batch_op.f(f"ix_{table}_{column}"), [column], unique=False)


def downgrade() -> None:
    for table in ("registry_move", "alias_follower", "model_alias", "model_version", "registered_model"):
        op.drop_table(table)
