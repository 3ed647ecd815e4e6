"""What is asked: rows of a dataset, or random words of a length that the server itself has counted."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from engine.benchmarks.load import Load
from engine.rows.store import columnar
from engine.workers.benchmarks import stream
from engine.workers.benchmarks.stream import CHAT, COMPLETION, Target
from engine.workers.contract import WorkFailedError

MOST_ROWS = 512  # of a dataset; with more requests they come again
FEW, MANY = 16, 144  # words of the two prompts whose tokens the server counts
TURN_FIELDS = ("role", "content", "tool_calls", "tool_call_id", "name")
_COMMON = (
    "time year people way day man thing woman life child world school state family student group country problem hand "
    "part place case week company system program question work number night point home water room mother area money "
    "story fact month lot right study book eye job word business issue side kind head house service friend father "
    "power hour game line end member law car city community name president team minute idea body information back "
    "parent face others level office door health person art war history party result change morning reason research "
    "girl guy moment air teacher force education foot boy age policy music market sense nation plan college interest "
    "death experience effect use class control field development role effort rate heart drug show leader light voice "
    "wife police mind price report decision son view relationship town road arm difference value building action"
)
WORDS = _COMMON.split()


@dataclass(frozen=True)
class Prompts:
    """Bodies to send, one after another and then again from the first, and the route they go to."""

    route: str
    bodies: Sequence[dict[str, Any]]

    def body(self, number: int) -> dict[str, Any]:
        return self.bodies[number % len(self.bodies)]


def of_rows(path: Path, kind: str, load: Load) -> Prompts:
    """The questions of rows, chosen by the seed: of a chat all before its last answer."""
    count = columnar.row_count(path)
    chosen = random.Random(load.seed).sample(range(count), min(count, MOST_ROWS, load.requests()))  # noqa: S311
    rows = [columnar.page(path, position, 1)[0] for position in chosen]
    if kind in ("completion", "stepwise"):
        return Prompts(COMPLETION, [{"prompt": row["prompt"]} for row in rows])
    asked = [_question(row["messages"]) if kind == "chat" else row["prompt"] for row in rows]
    bodies = [{"messages": [_turn(turn) for turn in turns]} for turns in asked if turns]
    if not bodies:
        raise WorkFailedError("data", "No row of the dataset asks anything.", "Choose another dataset.")
    return Prompts(CHAT, bodies)


def _question(messages: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    last = max((place for place, turn in enumerate(messages) if turn["role"] == "assistant"), default=len(messages))
    return messages[:last]


def _turn(turn: dict[str, Any]) -> dict[str, Any]:
    return {name: turn[name] for name in TURN_FIELDS if turn.get(name) is not None}


async def of_words(session: aiohttp.ClientSession, target: Target, load: Load) -> Prompts:
    """Random words of about `input_tokens` tokens, none twice the same. Raises WorkFailedError."""
    words = random.Random(load.seed)  # noqa: S311  (the same prompts again, no secret)
    route = COMPLETION
    few = await _counted(session, target, route, text(words, FEW))
    if few is None:  # some servers have no completions
        route = CHAT
        few = await _counted(session, target, route, text(words, FEW))
    many = await _counted(session, target, route, text(words, MANY))
    if few is None or many is None or many <= few:
        message = "The server does not count the tokens of a prompt, so that no length can be stated."
        raise WorkFailedError("config", message, "Take the prompts from a dataset.")
    a_word = (many - few) / (MANY - FEW)
    beside = few - a_word * FEW  # the template of a chat, a first token
    length = max(1, round((load.input_tokens - beside) / a_word))
    return Prompts(route, [_body(route, text(words, length)) for _ in range(min(load.requests(), MOST_ROWS * 8))])


def text(words: random.Random, length: int) -> str:
    """So many random words."""
    return " ".join(words.choices(WORDS, k=length))


def _body(route: str, prompt: str) -> dict[str, Any]:
    return {"prompt": prompt} if route == COMPLETION else {"messages": [{"role": "user", "content": prompt}]}


async def _counted(session: aiohttp.ClientSession, target: Target, route: str, prompt: str) -> int | None:
    """How many tokens the server finds in a prompt; None where it has no such route. Raises WorkFailedError."""
    body = {**_body(route, prompt), "model": target.model, "max_tokens": 1, "temperature": 0}
    try:
        status, answer = await stream.ask_unstreamed(session, target, route, body)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        message = f"The endpoint does not answer ({type(error).__name__}: {error})."
        raise WorkFailedError("network", message, "Look at its card on the Serve page.") from error
    if status in (404, 405) and route == COMPLETION:
        return None
    if status != 200 or not isinstance(answer, dict):
        said = answer.get("error", answer) if isinstance(answer, dict) else answer
        raise WorkFailedError("config", f"The endpoint answers {status}: {said!s:.300}", "Try it in the chat first.")
    usage = answer.get("usage") or {}
    return int(usage["prompt_tokens"]) if usage.get("prompt_tokens") else 0
