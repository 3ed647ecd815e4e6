"""Saved views of the list of runs over REST."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from app.answers.errors import NOT_FOUND
from app.answers.fields import Answer, Body, Name, PathId, RowId
from engine.runs import views
from storage.tables import DEFAULT_PROJECT

router = APIRouter(prefix="/runs/views", tags=["runs"])


class ViewBody(Body):
    name: Name = Field(description="What the page shows. A view of the same name is replaced.", max_length=60)
    query: str = Field(max_length=views.LONGEST_QUERY, description="The list's address after the question mark.")
    project_id: RowId = Field(default=DEFAULT_PROJECT, description="The project it belongs to.")


class ViewAnswer(Answer):
    id: str = Field(description="The view's id.")
    project_id: str = Field(description="The project it belongs to.")
    name: str = Field(description="What the page shows.")
    query: str = Field(description="Open /runs? with it.")
    created_at: float = Field(description="Seconds since 1970, UTC.")


@router.get("", summary="List saved views", response_model=list[ViewAnswer])
def list_views(
    project_id: Annotated[str, Query(pattern=r"^[0-9a-z-]{1,64}$", description="The project.")] = DEFAULT_PROJECT,
) -> Any:
    """The views of a project, by their names."""
    return views.of_project(project_id)


@router.post("", status_code=201, summary="Save a view", response_model=ViewAnswer, responses=NOT_FOUND)
def save_view(body: ViewBody) -> Any:
    """Keeps filters, order and columns of a list under a name."""
    return views.save(body.project_id, body.name, body.query)


@router.delete("/{id}", status_code=204, summary="Delete a view", responses=NOT_FOUND)
def delete_view(view_id: PathId) -> None:
    """Forgets the view; no run is touched."""
    views.delete(view_id)
