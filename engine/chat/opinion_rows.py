"""Rows from opinions: votes become preferences (DPO, ORPO, SimPO, CPO, reward), thumbs become marked answers (KTO).

All votes, or all ratings, of a project become one dataset by the import of files. Both sides of a chat go on from
answers of their own, so a preference has the turns that the better answer came from.
"""

import os
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import orjson

from engine.chat import opinions
from engine.chat.exchanges import Exchange
from engine.data import datasets
from engine.errors import RefusedError
from storage import home
from storage.tables import DEFAULT_PROJECT, Dataset, Message

Opinion = Literal["votes", "ratings"]
NAMES: dict[Opinion, str] = {"votes": "Votes from chat", "ratings": "Ratings from chat"}
NONE_YET: dict[Opinion, str] = {
    "votes": "Choose the better of two whole answers first.",
    "ratings": "Press a thumb under a whole answer first.",
}


def preferences(project_id: str = DEFAULT_PROJECT) -> Iterator[dict[str, Any]]:
    """A row for each vote for one of two answers: `prompt`, `chosen`, `rejected`. Ties teach nothing."""
    for exchange in opinions.voted(project_id):
        chosen = exchange.answer(exchange.question.better)
        rejected = exchange.answer("base" if exchange.question.better == "tuned" else "tuned")
        if exchange.question.better == "tie" or chosen is None or rejected is None:
            continue
        if _is_whole(chosen) and _is_whole(rejected) and chosen.content.strip() != rejected.content.strip():
            yield {"prompt": exchange.prompt(chosen), "chosen": _turn(chosen), "rejected": _turn(rejected)}


def marked(project_id: str = DEFAULT_PROJECT) -> Iterator[dict[str, Any]]:
    """A row for each rated answer: `prompt`, `completion`, and `label`, true for a thumb up."""
    for exchange, answer in opinions.rated(project_id):
        if _is_whole(answer):
            yield _marked(exchange, answer)


def rows(opinion: Opinion, project_id: str = DEFAULT_PROJECT) -> Iterator[dict[str, Any]]:
    return preferences(project_id) if opinion == "votes" else marked(project_id)


def make_dataset(opinion: Opinion, project_id: str = DEFAULT_PROJECT, name: str = "") -> Dataset:
    """All of a project's votes or ratings as a dataset. Raises RefusedError when there is no row, NotFoundError."""
    path = home.ensure_folder(home.uploads()) / uuid.uuid4().hex
    count = 0
    try:
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            for line in _lines(rows(opinion, project_id)):
                file.write(line)
                count += 1
        if not count:
            raise RefusedError(f"There are no {opinion} to learn from.", NONE_YET[opinion])
        return datasets.import_file(path, name.strip() or NAMES[opinion], project_id, "upload", f"{opinion}.jsonl")
    finally:
        path.unlink(missing_ok=True)  # an import has moved it away


def _lines(written: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    return (orjson.dumps(row) + b"\n" for row in written)


def _marked(exchange: Exchange, answer: Message) -> dict[str, Any]:
    return {"prompt": exchange.prompt(answer), "completion": _turn(answer), "label": answer.rating > 0}


def _turn(answer: Message) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": answer.content}]


def _is_whole(answer: Message) -> bool:
    """A stopped answer, or an empty one, would teach to stop there."""
    return answer.complete and bool(answer.content.strip())
