"""Links to read a chat, over REST. `DELETE /api/links/ID` revokes one, as it does those of runs."""

from collections.abc import Sequence

from fastapi import APIRouter, Request

from app.answers.errors import NOT_FOUND
from app.answers.fields import PathId
from app.api.runs.links import LinkAnswer, LinkBody, NewLinkAnswer, make_link
from engine.accounts import live_links
from storage.tables import LiveLink

router = APIRouter(prefix="/chats", tags=["chats"])


@router.post("/{id}/links", status_code=201, summary="Share a chat", responses=NOT_FOUND)
def share_chat(chat_id: PathId, request: Request, body: LinkBody | None = None) -> NewLinkAnswer:
    """A link at which the chat can be read without a login: questions, answers and the models' names, nothing else."""
    return make_link("chat", chat_id, request, body)


@router.get("/{id}/links", summary="Links to a chat", response_model=list[LinkAnswer], responses=NOT_FOUND)
def list_chat_links(chat_id: PathId) -> Sequence[LiveLink]:
    """The links that still open the chat, the oldest first, without their addresses."""
    return live_links.open_links("chat", chat_id)
