"""API keys over REST."""

from collections.abc import Sequence

from fastapi import APIRouter, Response
from pydantic import Field

from app.answers.errors import NOT_FOUND
from app.answers.fields import MOST_LISTED, Answer, Limit, Name, Offset, PathId, total
from engine.accounts import keys
from engine.accounts.key_limits import KeyLimits
from storage import db
from storage import keys as stored
from storage.tables import ApiKey

router = APIRouter(prefix="/keys", tags=["keys"])


class KeyAnswer(Answer):
    id: str = Field(description="The key's id, for revoking it.")
    name: str = Field(description="What it was made for.")
    scope: keys.Scope = Field(description="inference reaches /v1 only; all reaches the whole API.")
    created_at: float = Field(description="Seconds since 1970, UTC.")
    models: list[str] | None = Field(description="The models it may use on /v1; null for all.")
    requests_per_minute: int | None = Field(description="Requests in any 60 seconds; null for no limit.")
    tokens_per_day: int | None = Field(description="Tokens of questions and answers a day (UTC); null for no limit.")
    expires_at: float | None = Field(description="When it stops working; null for never.")
    last_used_at: float | None = Field(description="When it last opened the door, to the minute; null for never.")


class NewKeyAnswer(KeyAnswer):
    secret: str = Field(description="The key itself. It is shown this once; the studio keeps only a hash.")


class KeyBody(KeyLimits):
    name: Name = Field(description="What will use the key.")
    scope: keys.Scope = Field(default="inference", description="inference reaches /v1 only; all the whole API.")


@router.get("", summary="List keys", response_model=list[KeyAnswer])
def list_keys(response: Response, offset: Offset = 0, limit: Limit = MOST_LISTED) -> Sequence[ApiKey]:
    """The keys in use, oldest first, without their secrets. `X-Total-Count` says how many there are."""
    with db.reading() as session:
        total(response, stored.count(session))
        return stored.recent(session, limit, offset)


@router.post("", status_code=201, summary="Create a key")
def create_key(body: KeyBody) -> NewKeyAnswer:
    """Makes a key. Its secret is in this answer and nowhere else."""
    limits = KeyLimits(**body.model_dump(include=set(KeyLimits.model_fields)))
    key, secret = keys.create_key(body.name, body.scope, limits)
    return NewKeyAnswer(**KeyAnswer.model_validate(key).model_dump(), secret=secret)


@router.delete("/{id}", status_code=204, summary="Revoke a key", responses=NOT_FOUND)
def revoke_key(key_id: PathId) -> None:
    """The key stops working at once."""
    keys.revoke_key(key_id)
