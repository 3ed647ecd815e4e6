"""Projects over REST."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import MOST_LISTED, Answer, Body, Limit, Name, NamedId, Offset, total
from engine.accounts import prices, projects
from engine.projects import contents, deleting
from storage import db
from storage import projects as stored
from storage.tables import Project

router = APIRouter(prefix="/projects", tags=["projects"])


class ProjectAnswer(Answer):
    id: str = Field(description="The project's id; `default` is always there.")
    name: str = Field(description="Its name, unique.")
    archived: bool = Field(description="Hidden from lists; nothing in it is gone.")
    price_per_kwh: float | None = Field(description="What a kWh costs; null: no cost of energy is shown.")
    price_per_device_hour: float | None = Field(description="What an hour of one device costs; null: none is shown.")
    currency: str = Field(description="The word that stands beside a cost.")
    created_at: float = Field(description="Seconds since 1970, UTC.")


class ProjectBody(Body):
    name: Name = Field(description="The project's name, unique.")


class PricesBody(Body):
    price_per_kwh: float | None = Field(default=None, description="What a kWh costs; null shows no cost of energy.")
    price_per_device_hour: float | None = Field(default=None, description="What an hour of one GPU, or the CPU, costs.")
    currency: str = Field(default="", max_length=100, description="A word for people, such as EUR; 8 letters at most.")


class ContentsAnswer(Answer):
    project_id: str = Field(description="The project's id.")
    name: str = Field(description="Its name.")
    counts: dict[str, int] = Field(description="How many runs, datasets (each version is one), chats and so on.")
    size_bytes: int = Field(description="Bytes of their files; rows that another dataset shares stay.")


TypedName = Annotated[str, Query(min_length=1, max_length=120, description="The project's name, written once more.")]


@router.get("", summary="List projects", response_model=list[ProjectAnswer])
def list_projects(
    response: Response,
    archived: Annotated[bool, Query(description="Also list the archived ones.")] = False,
    offset: Offset = 0,
    limit: Limit = MOST_LISTED,
) -> Sequence[Project]:
    """The projects, oldest first. `X-Total-Count` says how many there are."""
    with db.reading() as session:
        total(response, stored.count(session, archived))
        return stored.all_projects(session, archived, limit, offset)


@router.post("", status_code=201, summary="Create a project", response_model=ProjectAnswer, responses=CONFLICT)
def create_project(body: ProjectBody) -> Project:
    """Makes an empty project."""
    return projects.create_project(body.name)


@router.get("/{id}", summary="Show a project", response_model=ProjectAnswer, responses=NOT_FOUND)
def show_project(project_id: NamedId) -> Project:
    """One project."""
    return projects.look_up(project_id)


@router.patch("/{id}", summary="Rename a project", response_model=ProjectAnswer, responses=NOT_FOUND | CONFLICT)
def rename_project(project_id: NamedId, body: ProjectBody) -> Project:
    """Gives the project another name."""
    return projects.rename_project(project_id, body.name)


@router.put("/{id}/prices", summary="Set the prices of a project", response_model=ProjectAnswer, responses=NOT_FOUND)
def set_prices(project_id: NamedId, body: PricesBody) -> Project:
    """What energy and devices cost, for the machine tab of its runs. All three are replaced."""
    return prices.set_prices(project_id, prices.Prices(body.price_per_kwh, body.price_per_device_hour, body.currency))


@router.post("/{id}/archive", summary="Archive a project", response_model=ProjectAnswer, responses=NOT_FOUND | CONFLICT)
def archive_project(project_id: NamedId) -> Project:
    """Hides the project. Nothing in it is deleted or stopped."""
    return projects.archive_project(project_id)


@router.post("/{id}/restore", summary="Restore a project", response_model=ProjectAnswer, responses=NOT_FOUND)
def restore_project(project_id: NamedId) -> Project:
    """Shows an archived project again."""
    return projects.restore_project(project_id)


@router.get("/{id}/contents", summary="What is in a project", responses=NOT_FOUND)
def show_project_contents(project_id: NamedId) -> ContentsAnswer:
    """What deleting it would take away. Looks at every file of it, which takes seconds in a large one."""
    return ContentsAnswer.model_validate(contents.of(project_id))


@router.delete("/{id}", summary="Delete a project", responses=NOT_FOUND | CONFLICT)
def delete_project(project_id: NamedId, name: TypedName) -> ContentsAnswer:
    """Deletes it with all that is in it, for good, and answers what that was.

    `name` has to be the project's name: nothing of this comes back. Refused while something in it is under way or
    served, while another project needs something of it, and for the default project. Files go within minutes.
    """
    return ContentsAnswer.model_validate(deleting.delete(project_id, name))
