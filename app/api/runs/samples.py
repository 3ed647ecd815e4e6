"""Answers to fixed prompts over REST: what a run said on the way, and the prompts of a project."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from app.answers.errors import NOT_FOUND
from app.answers.fields import MOST_LISTED, Answer, Body, Limit, NamedId, Offset, total
from engine.runs import samples
from engine.runs.samples import Sample

router = APIRouter(tags=["runs"])


class SampleAnswer(Answer):
    step: int = Field(description="The step whose weights answered; 0 is what the training began with.")
    prompt: str = Field(description="What was asked.")
    answer: str = Field(description="What was answered, greedy.")
    tokens: int = Field(description="Tokens of the answer. Where time is short there are fewer.")


class PromptsBody(Body):
    prompts: Annotated[list[str], Field(max_length=100)] = Field(
        description="3 to 10 texts of at most 2,000 characters; none to ask what the first held-out rows ask."
    )


class PromptsAnswer(Answer):
    prompts: list[str] = Field(description="What every training of the project answers on its way.")


@router.get("/runs/{id}/samples", summary="Answers on the way", response_model=list[SampleAnswer], responses=NOT_FOUND)
def list_samples(response: Response, run_id: NamedId, offset: Offset = 0, limit: Limit = MOST_LISTED) -> list[Sample]:
    """The fixed prompts as the weights of step 0, of every evaluation and of the end answer them, by step.

    `X-Total-Count` says how many there are.
    """
    answers = samples.of_run(run_id, limit, offset)
    total(response, samples.count(run_id))
    return answers


@router.get("/projects/{id}/prompts", summary="Fixed prompts of a project", responses=NOT_FOUND)
def show_prompts(project_id: NamedId) -> PromptsAnswer:
    """The prompts that every training of the project answers on its way."""
    return PromptsAnswer(prompts=samples.prompts_of(project_id))


@router.put("/projects/{id}/prompts", summary="Change the fixed prompts of a project", responses=NOT_FOUND)
def change_prompts(project_id: NamedId, body: PromptsBody) -> PromptsAnswer:
    """Replaces all of them. Trainings that have begun keep theirs."""
    return PromptsAnswer(prompts=samples.set_prompts(project_id, body.prompts))
