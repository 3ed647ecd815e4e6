"""What the run doctor says of a run, over REST."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field

from app.answers.errors import NOT_FOUND
from app.answers.fields import Answer, NamedId
from engine.runs import runs
from engine.runs.doctor import diagnosis

router = APIRouter(prefix="/runs", tags=["runs"])


class FindingAnswer(Answer):
    rule: str = Field(description="The rule's name; the guide's page of the run doctor says when it fires.")
    severity: Literal["info", "warning", "error"] = Field(description="How bad it is. The worst come first.")
    message: str = Field(description="What is wrong in a sentence or two, with the numbers, and what to do.")
    metric: str = Field(description="The metric on whose curve it shows.")
    from_step: int = Field(description="Where it begins there.")
    to_step: int = Field(description="Where it ends there.")
    remedy: dict[str, Any] = Field(
        description="Recipe fields with the values to try, which the run's recipe can take; empty where none helps."
    )


@router.get("/{id}/diagnosis", summary="What goes wrong in a run", responses=NOT_FOUND)
def show_diagnosis(run_id: NamedId) -> list[FindingAnswer]:
    """What the run doctor finds in the run's curves, the worst first. An empty list means that no rule fires."""
    return [FindingAnswer.model_validate(finding) for finding in diagnosis.of(runs.look_up(run_id))]
