"""Parity of an endpoint over REST: whether what is served answers as what was trained."""

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, Body, NamedId
from engine.serve import parity
from storage.statuses import WorkStatus

router = APIRouter(prefix="/endpoints", tags=["endpoints"])


class ParityBody(Body):
    rows: int = Field(
        default=parity.ROWS, ge=0, le=parity.MOST_ROWS,
        description="Held-out rows of each run that are asked, beside eight fixed prompts.",
    )  # fmt: skip
    max_tokens: int = Field(
        default=parity.TOKENS, ge=1, le=parity.MOST_TOKENS, description="Tokens of each answer that are compared."
    )


class ParityDifference(Answer):
    prompt: str = Field(description="What was asked.")
    at: int | None = Field(description="The first token that differs, from 0; null: the prompt was read otherwise.")
    gap: float | None = Field(
        description="How much less likely the trained form finds the served token there, in nats. Near 0: a tie, which "
        "rounding decides. null where one of them had ended."
    )
    trained: str = Field(description="What the trained form says.")
    served: str = Field(description="What the server says.")


class NameParity(Answer):
    name: str = Field(description="The name on /v1.")
    identical: bool = Field(description="Whether all answers are the same, token by token.")
    rows: int = Field(description="Prompts asked.")
    held_out: int | None = Field(
        default=None, description="Of these, rows that the run has held out; the others are the fixed ones."
    )
    differs: int = Field(description="Prompts whose answers differ.")
    near_ties: int = Field(description="Of these, where the trained form finds both tokens about equally likely.")
    largest_gap: float | None = Field(description="The largest gap of a difference, in nats.")
    other_prompts: int = Field(description="Prompts that the server read as other tokens.")
    where: list[ParityDifference] = Field(description="The differences, the first ten.")


class ParityAnswer(Answer):
    work_id: str = Field(description="The work that compares: GET /api/work/ID/log is what it printed.")
    status: WorkStatus = Field(description="queued, running, succeeded, failed or stopped.")
    progress: float | None = Field(description="How far it is, 0 to 1.")
    error: str | None = Field(description="Why it failed.")
    hint: str | None = Field(description="What to do about it.")
    identical: bool | None = Field(description="Whether every name answers as it was trained; null until it is known.")
    rows: int | None = Field(description="Prompts asked, of all names.")
    differs: int | None = Field(description="Prompts whose answers differ, of all names.")
    dtype: str | None = Field(description="The precision that the trained form was computed in.")
    max_tokens: int | None = Field(description="Tokens of each answer that were compared.")
    names: list[NameParity] = Field(description="The same of each name.")
    current: bool = Field(description="Whether it was made with the backend that answers now.")
    ended_at: float | None = Field(description="When it was done, in seconds since 1970.")


@router.post("/{id}/parity", status_code=202, summary="Compare with the trained form", responses=NOT_FOUND | CONFLICT)
def start_parity(endpoint_id: NamedId, body: ParityBody | None = None) -> ParityAnswer:
    """Asks the endpoint and the trained form the same prompts, in the background, and compares them token by token."""
    asked = body or ParityBody()
    parity.start(endpoint_id, asked.rows, asked.max_tokens)
    return _answer(parity.look_up(endpoint_id))


@router.get("/{id}/parity", summary="Show the comparison", responses=NOT_FOUND)
def show_parity(endpoint_id: NamedId) -> ParityAnswer:
    """The newest comparison."""
    return _answer(parity.look_up(endpoint_id))


def _answer(facts: dict[str, Any]) -> ParityAnswer:
    return ParityAnswer.model_validate(facts)
