"""Rows from chats: an exchange that went well is kept for training, in a dataset of the chat's project."""

import time
from typing import Any

from engine.chat import chat
from engine.chat.exchanges import taking_turns
from engine.data import datasets, shape
from engine.errors import ConflictError, RefusedError
from storage import datasets as stored
from storage import db
from storage.statuses import DatasetStatus
from storage.tables import Dataset

NAME = "From chat"
WAIT_SECONDS = 5  # for the version before, when two answers are kept in a row


def add_from_chat(chat_id: str, side: chat.Side, to: str = NAME) -> Dataset:
    """Adds a side's conversation, up to its last finished answer, to a dataset of chats with this name, or begins one.

    Raises NotFoundError for the chat, RefusedError when nothing was answered yet, ConflictError when the dataset is
    being changed by somebody else.
    """
    source = chat.look_up(chat_id)
    row = {"messages": conversation(chat_id, side)}
    origin = f"the chat “{source.title}”" if source.title else "a chat"
    dataset = _newest(source.project_id, to.strip() or NAME)
    if dataset is None:
        return shape.begin_with([row], "chat", to.strip() or NAME, source.project_id, origin)
    return shape.add_rows(_when_ready(dataset).id, [row], origin)


def conversation(chat_id: str, side: chat.Side) -> list[dict[str, Any]]:
    """The turns to learn from, under the system prompt of the last answer. Raises RefusedError without an answer."""
    turns = list(chat.messages(chat_id, side))
    while turns and (turns[-1].side == "user" or not turns[-1].complete or not turns[-1].content.strip()):
        turns.pop()
    if not turns:
        raise RefusedError("There is no finished answer in this chat yet.", "Ask something, and wait for the answer.")
    turns, system = taking_turns(turns), turns[-1].system
    system_turns = [{"role": "system", "content": system}] if system else []
    exchange = [{"role": "user" if turn.side == "user" else "assistant", "content": turn.content} for turn in turns]
    return [*system_turns, *exchange]


def _newest(project_id: str, name: str) -> Dataset | None:
    with db.reading() as session:
        same_name = [dataset for dataset in stored.newest(session, project_id) if dataset.name == name]
    failed = (DatasetStatus.FAILED, DatasetStatus.NEEDS_MAPPING)
    return next(
        (dataset for dataset in same_name if dataset.kind in ("chat", None) and dataset.status not in failed), None
    )


def _when_ready(dataset: Dataset) -> Dataset:
    deadline = time.monotonic() + WAIT_SECONDS
    while dataset.status == DatasetStatus.IMPORTING:
        if time.monotonic() > deadline:
            raise ConflictError(f"`{dataset.name}` is still being made.", "Try again in a few seconds.")
        time.sleep(0.05)
        dataset = datasets.look_up(dataset.id)
    return dataset
