"""What came through /v1, over REST."""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.answers.fields import Answer, Limit, Offset, total
from engine.accounts import usage
from storage import db
from storage import usage as stored
from storage.tables import LoggedRequest
from storage.usage import By

router = APIRouter(tags=["usage"])

GroupedBy = Annotated[By, Query(description="What is summed up: by key, model or day.")]
Day = r"^\d{4}-\d{2}-\d{2}$"
FirstDay = Annotated[str | None, Query(alias="from", pattern=Day, description="First day, as 2026-11-29 (UTC).")]
LastDay = Annotated[str | None, Query(alias="to", pattern=Day, description="Last day; today when left out.")]
Format = Annotated[Literal["json", "csv"], Query(description="`csv` answers with a file for a spreadsheet.")]
OfKey = Annotated[str | None, Query(pattern=r"^[0-9a-z-]{0,64}$", description="Only of this key; empty is the owner.")]


class UsageAnswer(Answer):
    id: str = Field(
        description="The key's id (empty for the owner, `studio` for the studio's own pages), the model, or the day."
    )
    name: str = Field(description="The key's name, the model's, or the day.")
    requests: int = Field(description="Requests that reached an endpoint.")
    errors: int = Field(description="Those of them that failed or broke off, clients that left included.")
    estimated: int = Field(description="Those whose tokens were guessed, because the backend did not say.")
    prompt_tokens: int = Field(description="Tokens of questions.")
    completion_tokens: int = Field(description="Tokens of answers.")


class RequestAnswer(Answer):
    id: int = Field(description="A number that grows.")
    at: float = Field(description="When it came, seconds since 1970, UTC.")
    key_id: str = Field(
        description="The key it came with; empty for the studio's owner, `studio` for the studio's own pages."
    )
    endpoint_id: str = Field(description="The endpoint that it reached; empty for none.")
    model: str = Field(description="The model it named.")
    route: str = Field(description="chat/completions, completions, embeddings or responses.")
    stream: bool = Field(description="Whether the answer was to be streamed.")
    status: int = Field(
        description="As HTTP has it; 502 or 504 too where a stream broke off, 499 where the client left."
    )
    seconds: float = Field(description="From the request to the end of its answer.")
    first_token_seconds: float | None = Field(description="From the request to the first word; null if not streamed.")
    prompt_tokens: int = Field(description="Tokens of the question.")
    completion_tokens: int = Field(description="Tokens of the answer.")
    estimated: bool = Field(description="Whether the tokens were guessed.")
    question: str | None = Field(description="The request's body, where contents are kept (TUNESMITH_LOG_CONTENT).")
    answer: str | None = Field(description="The answer, where contents are kept.")


@router.get("/usage", summary="Usage by key, model or day", response_model=list[UsageAnswer])
def show_usage(
    by: GroupedBy = "key", first_day: FirstDay = None, last_day: LastDay = None, format: Format = "json"
) -> Response | list[usage.Line]:
    """Requests and tokens on /v1, the last thirty days unless `from` and `to` say others. A second or two behind."""
    lines = usage.lines(by, first_day, last_day)
    if format == "json":
        return lines
    headers = {"content-disposition": f'attachment; filename="usage-by-{by}.csv"'}
    return Response(usage.as_csv(lines), headers=headers, media_type="text/csv; charset=utf-8")


@router.get("/requests", summary="The log of requests", response_model=list[RequestAnswer])
def list_requests(
    response: Response, offset: Offset = 0, limit: Limit = 100, key_id: OfKey = None
) -> Sequence[LoggedRequest]:
    """Requests to /v1, the newest first. `X-Total-Count` says how many are kept."""
    with db.reading() as session:
        total(response, stored.count(session, key_id))
        return stored.recent(session, limit, offset, key_id)
