"""How far the first lesson of a project is."""

import time

from sqlmodel import Field, SQLModel


class Lesson(SQLModel, table=True):
    """The first lesson of a project, on its way from the starter model to a chat. `stage` says where it is."""

    project_id: str = Field(foreign_key="project.id", primary_key=True)
    stage: str = "fetching"  # fetching | importing | training | serving | ready | failed
    model_id: str | None = None
    dataset_id: str | None = None
    run_id: str | None = None
    endpoint_id: str | None = None
    error: str | None = None
    created_at: float = Field(default_factory=time.time)
