"""Chats over REST: listed, shown, begun, asked, changed, stopped, taken away, deleted."""

import pathlib
import tempfile
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import LARGEST, Body, Limit, Name, Offset, PathId, ProjectFilter, RowId, total
from app.api import undo
from app.api.chat import shown
from app.api.chat.shown import ChatAnswer, ChatSettingsBody, WholeChatAnswer
from engine import names
from engine.chat import answering, asking, attached_files, chat, deleting, transcript
from storage import chats as stored
from storage import db
from storage.tables import DEFAULT_PROJECT, Chat

router = APIRouter(prefix="/chats", tags=["chats"])


class ChatBody(Body):
    title: str = Field(default="", max_length=chat.TITLE_CHARACTERS, description="Empty: the first question.")
    project_id: RowId = Field(default=DEFAULT_PROJECT, description="The project it will belong to.")


class TitleBody(Body):
    title: Name = Field(description="What lists will show.")


class FileBody(Body):
    name: str = Field(min_length=1, max_length=255, description="The file's name, with its ending.")
    text: str = Field(max_length=attached_files.MOST_BYTES, description="What is in it.")


class AskBody(ChatSettingsBody):
    text: str = Field(max_length=chat.MOST_CHARACTERS, description="The question.")
    files: tuple[FileBody, ...] = Field(
        default=(), max_length=attached_files.MOST_FILES, description="Text files that go with it."
    )
    instead_of: int | None = Field(
        default=None, ge=1, le=LARGEST,
        description="The number of an earlier question: a branch keeps what stood there and after it.",
    )  # fmt: skip


@router.get("", summary="List chats", response_model=list[ChatAnswer])
def list_chats(
    response: Response, project_id: ProjectFilter = None, offset: Offset = 0, limit: Limit = 100
) -> list[Chat]:
    """The chats, the last begun first, without branches. `X-Total-Count` says how many there are."""
    with db.reading() as session:
        total(response, stored.count(session, project_id))
        return list(stored.page(session, project_id, limit, offset))


@router.post("", status_code=201, summary="Begin a chat", response_model=ChatAnswer, responses=NOT_FOUND)
def create_chat(body: ChatBody) -> Chat:
    """An empty chat."""
    return chat.new_chat(body.project_id, body.title)


@router.get("/{id}", summary="Show a chat", responses=NOT_FOUND)
def show_chat(chat_id: PathId) -> WholeChatAnswer:
    """Its turns, its branches, and what has come of the answers on their way."""
    return shown.whole(chat_id)


@router.patch("/{id}", summary="Rename a chat", response_model=ChatAnswer, responses=NOT_FOUND)
def rename_chat(chat_id: PathId, body: TitleBody) -> Chat:
    """Gives it another title."""
    return chat.rename_chat(chat_id, body.title)


@router.delete("/{id}", status_code=204, summary="Delete a chat", responses=NOT_FOUND)
def delete_chat(chat_id: PathId, response: Response) -> None:
    """Deletes it with its branches, votes and ratings. Datasets made from it stay.

    For 30 seconds `POST /api/chats/undo/{id}` brings it back; the header X-Undo-Id says the id.
    """
    undo.offer(response, deleting.delete_chat(chat_id))


@router.delete(
    "/{id}/messages/{message_id}", status_code=204, summary="Delete a message", responses=NOT_FOUND | CONFLICT
)
def delete_message(
    chat_id: PathId,
    message_id: Annotated[int, Path(ge=1, le=LARGEST, description="The number of a question or an answer.")],
    response: Response,
) -> None:
    """Deletes a question with its answers, or one answer, with what people thought of it. Branches keep theirs.

    A question without an answer of a model is not shown to that model any more, so that roles go on taking turns.
    For 30 seconds `POST /api/chats/undo/{id}` brings it back; the header X-Undo-Id says the id.
    """
    undo.offer(response, deleting.delete_message(chat_id, message_id))


@router.post("/{id}/messages", status_code=202, summary="Ask in a chat", responses=NOT_FOUND | CONFLICT)
def ask_in_chat(chat_id: PathId, body: AskBody) -> WholeChatAnswer:
    """Stores a question and begins the answers; `GET /api/chats/{id}` shows them as they come.

    With `instead_of` an earlier question is asked in other words.
    """
    text = _with_files(body)
    asking.ask(chat_id, text, body.answerers(), body.instead_of)
    return shown.whole(chat_id)


@router.post("/{id}/again", status_code=202, summary="Answer again", responses=NOT_FOUND | CONFLICT)
def answer_again(chat_id: PathId, body: ChatSettingsBody) -> WholeChatAnswer:
    """Has the last question answered once more; a branch keeps the answers before."""
    asking.again(chat_id, body.answerers())
    return shown.whole(chat_id)


@router.post("/{id}/stop", summary="Stop answering", responses=NOT_FOUND)
def stop_answering(chat_id: PathId) -> WholeChatAnswer:
    """Ends the answers; what had come is kept, marked as not complete."""
    chat.look_up(chat_id)
    answering.stop(chat_id)
    return shown.whole(chat_id)


@router.get("/{id}/export", summary="Download a chat", response_class=Response, responses=NOT_FOUND)
def export_chat(
    chat_id: PathId,
    format: Annotated[transcript.Format, Query(description="markdown: to read. json: for programs.")] = "markdown",
) -> Response:
    """The chat as a file."""
    if format == "json":
        content, media_type = transcript.json_text(chat_id), "application/json"
    else:
        content, media_type = transcript.as_markdown(chat_id).encode(), "text/markdown; charset=utf-8"
    name = f"{names.as_file(chat.look_up(chat_id).title, 'chat')}.{transcript.SUFFIXES[format]}"
    headers = {"content-disposition": f'attachment; filename="{name}"', "x-content-type-options": "nosniff"}
    return Response(content, media_type=media_type, headers=headers)


def _with_files(body: AskBody) -> str:
    with tempfile.TemporaryDirectory() as folder:
        paths = [(pathlib.Path(folder, str(number)), file.name) for number, file in enumerate(body.files)]
        for (path, _), file in zip(paths, body.files, strict=True):
            path.write_text(file.text, encoding="utf-8")
        return attached_files.question(body.text, paths)
