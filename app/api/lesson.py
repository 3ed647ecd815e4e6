"""The first lesson over REST: the starter model, a small dataset and a short training, in one call."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer
from engine.accounts import projects
from engine.errors import NotFoundError
from engine.lesson import lesson
from storage.tables import DEFAULT_PROJECT, Lesson

router = APIRouter(prefix="/lesson", tags=["lesson"])

Project = Annotated[
    str, Query(alias="project_id", pattern=r"^[0-9a-z-]{1,64}$", description="The project the lesson belongs to.")
]


class LessonAnswer(Answer):
    project_id: str = Field(description="The project it belongs to.")
    stage: str = Field(description="fetching, importing, training, serving, ready or failed.")
    model_id: str | None = Field(description="The starter model.")
    dataset_id: str | None = Field(description="The lesson's dataset.")
    run_id: str | None = Field(description="The lesson's run.")
    endpoint_id: str | None = Field(description="The endpoint that answers in the end.")
    error: str | None = Field(description="Why it failed.")


@router.get("", summary="Show the lesson", response_model=LessonAnswer, responses=NOT_FOUND)
def show_lesson(project_id: Project = DEFAULT_PROJECT) -> Lesson:
    """How far the project's lesson is."""
    state = lesson.state(project_id)
    if state is None:
        raise NotFoundError("The lesson was not started in this project.", "POST /api/lesson starts it.")
    return state


@router.post(
    "", status_code=201, summary="Start the lesson", response_model=LessonAnswer, responses=NOT_FOUND | CONFLICT
)
def start_lesson(project_id: Project = DEFAULT_PROJECT) -> Lesson:
    """Starts the lesson, or answers with the one that is on its way. A failed one goes on where it failed."""
    return lesson.start_lesson(projects.look_up(project_id).id)


@router.post("/stop", summary="Stop the lesson", response_model=LessonAnswer, responses=NOT_FOUND | CONFLICT)
def stop_lesson(project_id: Project = DEFAULT_PROJECT) -> Lesson:
    """Ends a lesson that is on its way, and what it does now. What it has made stays; it can be started again."""
    return lesson.stop_lesson(project_id)
