"""Rows from chats: an exchange that went well is kept for training, in a dataset of the chat's project."""

import time
from typing import Any

from engine.chat import chat
from engine.data import datasets, shape
from engine.errors import ConflictError, RefusedError
from storage import datasets as stored
from storage import db
from storage.statuses import DatasetStatus
from storage.tables import Dataset

NAME = "From chat"
WAIT_SECONDS = 5  # for the version before, when two answers are kept in a row


def add_from_chat(chat_id: str, side: chat.Side, to: str = NAME, system: str = "") -> Dataset:
    """Adds a side's conversation, up to its last finished answer, to a dataset of chats with this name, or begins one.

    Raises NotFoundError for the chat, RefusedError when nothing was answered yet, ConflictError when the dataset is
    being changed by somebody else.
    """
    found = chat.look_up(chat_id)
    row = {"messages": conversation(chat_id, side, system)}
    where = f"the chat “{found.title}”" if found.title else "a chat"
    known = _newest(found.project_id, to.strip() or NAME)
    if known is None:
        return shape.begin_with([row], "chat", to.strip() or NAME, found.project_id, where)
    return shape.add_rows(_made(known).id, [row], where)


def conversation(chat_id: str, side: chat.Side, system: str = "") -> list[dict[str, Any]]:
    """The turns to learn from. Raises RefusedError when there is no finished answer."""
    turns = list(chat.messages(chat_id, side))
    while turns and (turns[-1].side == "user" or not turns[-1].complete or not turns[-1].content.strip()):
        turns.pop()
    if not turns:
        raise RefusedError("There is no finished answer in this chat yet.", "Ask something, and wait for the answer.")
    before = [{"role": "system", "content": system.strip()}] if system.strip() else []
    said = [{"role": "user" if one.side == "user" else "assistant", "content": one.content} for one in turns]
    return [*before, *said]


def _newest(project_id: str, name: str) -> Dataset | None:
    with db.reading() as session:
        named = [one for one in stored.newest(session, project_id) if one.name == name]
    failed = (DatasetStatus.FAILED, DatasetStatus.NEEDS_MAPPING)
    return next((one for one in named if one.kind in ("chat", None) and one.status not in failed), None)


def _made(dataset: Dataset) -> Dataset:
    deadline = time.monotonic() + WAIT_SECONDS
    while dataset.status == DatasetStatus.IMPORTING:
        if time.monotonic() > deadline:
            raise ConflictError(f"`{dataset.name}` is still being made.", "Try again in a few seconds.")
        time.sleep(0.05)
        dataset = datasets.look_up(dataset.id)
    return dataset
