"""Tokens of datasets over REST: rows as a model would read them, and totals, before any training."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, Body, NamedId, Offset, RowId
from engine.data import datasets, tokens
from engine.errors import NotFoundError
from engine.models import models
from storage.statuses import WorkStatus
from storage.tables import Work

router = APIRouter(prefix="/datasets", tags=["datasets"])

ModelId = Annotated[str, Query(pattern=r"^[0-9a-z-]{1,64}$", description="The id of the model that would be trained.")]
MaxLength = Annotated[int, Query(ge=8, le=1_048_576, description="Longest row in tokens; the rest is cut off.")]
AnswersOnly = Annotated[bool, Query(description="Whether only answers are learnt, as in a recipe.")]
Rows = Annotated[int, Query(ge=1, le=tokens.MOST_ROWS_A_PAGE, description="How many rows to answer with at most.")]


class TokenRun(Answer):
    state: Literal["trained", "context", "truncated"] = Field(description="What training does with these tokens.")
    tokens: list[str] = Field(
        description="The text of each; empty for the rest of a character that several tokens make up."
    )


class TokenSide(Answer):
    name: str = Field(description="Which text of the row it is: chosen, rejected ...; empty where there is one.")
    tokens: int = Field(description="How many tokens it has in all.")
    trained: int = Field(description="How many of them are learnt.")
    truncated: int = Field(description="How many are cut off.")
    hidden: int = Field(description="How many at the end are not listed here, because there are too many.")
    runs: list[TokenRun] = Field(description="The tokens in order, put together as long as their state is the same.")


class TokenRow(Answer):
    row: int | None = Field(description="Number of the row in the source, from 1.")
    left_out: str = Field(description="Why nothing is learnt from the row; empty when something is.")
    warnings: list[str] = Field(description="What a person should know about the row.")
    sides: list[TokenSide] = Field(description="Its texts; none when the chat template refuses the row.")


class TokenLengths(Answer):
    shortest: int = Field(description="Tokens of the shortest row.")
    median: int = Field(description="Tokens that half of the rows do not exceed.")
    p90: int = Field(description="Tokens that 90 % of the rows do not exceed.")
    p99: int = Field(description="Tokens that 99 % of the rows do not exceed.")
    longest: int = Field(description="Tokens of the longest row.")


class LengthBin(Answer):
    from_: int = Field(alias="from", description="The least length in it, in tokens.")
    to: int | None = Field(description="The greatest length in it; null for the last, which holds all longer rows.")
    rows: int = Field(description="How many rows have that length.")


class Packing(Answer):
    sequences: int = Field(description="Sequences of max_length tokens that the rows fit into.")
    padding: float = Field(description="Share of these that stays empty, 0 to 1.")


class TokenTotals(Answer):
    rows: int = Field(description="Rows of the dataset.")
    kept: int = Field(description="Rows that are learnt from.")
    truncated: int = Field(description="Rows whose end is cut off.")
    untrainable: int = Field(description="Rows with nothing to learn within max_length.")
    refused: int = Field(description="Rows that the chat template refuses.")
    refusal: str = Field(description="Its words about the first of them.")
    nothing_rows: list[int] = Field(description="Numbers of the first rows with nothing to learn.")
    refused_rows: list[int] = Field(description="Numbers of the first refused rows.")
    max_length: int = Field(description="Longest row in tokens that was counted with.")
    answers_only: bool = Field(description="Whether only answers are learnt.")
    tokens: int = Field(description="Tokens of the rows that are learnt from, without what is cut off.")
    trained: int = Field(description="Tokens among them that are learnt.")
    share_trained: float = Field(description="trained / tokens, 0 to 1.")
    lengths: TokenLengths = Field(description="How long whole rows are, before anything is cut off.")
    histogram: list[LengthBin] = Field(description="Rows by length.")
    padding: float = Field(description="Share of padding in batches of four rows, without packing, 0 to 1.")
    packing: Packing | None = Field(description="What packing would do; null for rows that are not packed.")
    notes: list[str] = Field(description="What a person should know about how rows were written.")


class TokensAnswer(Answer):
    rows: list[TokenRow] = Field(description="The rows, token by token.")
    total: int = Field(description="How many rows the dataset has.")
    offset: int = Field(description="How many were skipped.")
    notes: list[str] = Field(description="What a person should know about how these rows were written.")
    totals: TokenTotals | None = Field(
        description="The totals of the whole dataset, if they have been counted; null otherwise."
    )


class TotalsAnswer(Answer):
    status: WorkStatus = Field(description="queued, running, succeeded, failed or stopped.")
    progress: float | None = Field(description="How far the counting is, 0 to 1; null when unknown.")
    stage: str = Field(description="What is going on, in a few words.")
    totals: TokenTotals | None = Field(description="The totals; null until it has succeeded.")
    error: str | None = Field(description="Why it failed.")
    hint: str | None = Field(description="What to do about it.")


class CountBody(Body):
    model_id: RowId = Field(description="The id of the model that would be trained.")
    max_length: int = Field(default=tokens.MAX_LENGTH, ge=8, le=1_048_576, description="Longest row in tokens.")
    assistant_only_loss: bool = Field(default=True, description="Whether only answers are learnt, as in a recipe.")


@router.get("/{id}/tokens", summary="Rows as tokens", responses=NOT_FOUND | CONFLICT)
def show_tokens(
    dataset_id: NamedId,
    model_id: ModelId,
    offset: Offset = 0,
    limit: Rows = 10,
    max_length: MaxLength = tokens.MAX_LENGTH,
    assistant_only_loss: AnswersOnly = True,
) -> TokensAnswer:
    """The rows as the model would learn them: trained, context only and cut off. Takes about a second.

    The first call for a model prepares its tokenizer and takes ten.
    """
    options = {"assistant_only_loss": assistant_only_loss}
    page = tokens.rows(dataset_id, model_id, offset, limit, max_length=max_length, **options)
    counting = _counting(dataset_id, model_id, max_length, assistant_only_loss)
    total = datasets.look_up(dataset_id).train_rows
    answer = {
        "rows": page["rows"],
        "notes": page["notes"],
        "total": total,
        "offset": offset,
        "totals": _totals(counting),
    }
    return TokensAnswer.model_validate(answer)


@router.post("/{id}/tokens/totals", status_code=202, summary="Count a dataset", responses=NOT_FOUND | CONFLICT)
def count_tokens(dataset_id: NamedId, body: CountBody) -> TotalsAnswer:
    """Begins to count the whole dataset as it would be trained. What is counted already is answered at once."""
    return _answer(tokens.totals(dataset_id, body.model_id, body.max_length, body.assistant_only_loss))


@router.get("/{id}/tokens/totals", summary="Totals of a dataset", responses=NOT_FOUND | CONFLICT)
def show_totals(
    dataset_id: NamedId,
    model_id: ModelId,
    max_length: MaxLength = tokens.MAX_LENGTH,
    assistant_only_loss: AnswersOnly = True,
) -> TotalsAnswer:
    """How far the counting is, and what it found."""
    counting = _counting(dataset_id, model_id, max_length, assistant_only_loss)
    if counting is None:
        raise NotFoundError("The dataset is not counted so yet.", "POST to the same address begins it.")
    return _answer(counting)


def _counting(dataset_id: str, model_id: str, max_length: int, answers_only: bool) -> Work | None:
    dataset = datasets.look_up(dataset_id)
    work_spec = tokens.spec(dataset, models.look_up(model_id), max_length, answers_only)
    return tokens.known_totals(dataset, work_spec)


def _answer(counting: Work) -> TotalsAnswer:
    state: dict[str, Any] = {name: getattr(counting, name) for name in ("status", "progress", "stage", "error", "hint")}
    return TotalsAnswer.model_validate(state | {"totals": _totals(counting)})


def _totals(counting: Work | None) -> TokenTotals | None:
    return TokenTotals.model_validate(counting.result) if counting and counting.status == WorkStatus.SUCCEEDED else None
