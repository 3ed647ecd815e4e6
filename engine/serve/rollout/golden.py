"""Golden prompts: asked of the old backend and of the new one, greedily, before the new one takes over."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from engine.errors import TunesmithError
from engine.serve import probe
from engine.serve.rollout.asked import Golden

ALL_SECONDS = 240  # for all prompts; those that are left then count as not answered
ONE_SECONDS = 60
MOST_CHARACTERS = 4_000  # of an answer that is kept


@dataclass(frozen=True)
class Place:
    """Where a model is asked: the address, its name there, and the variable with the key of an outside server."""

    address: str
    model: str
    key_env: str | None = None


def answers(place: Place, prompts: Sequence[Golden]) -> dict[str, str]:
    """Prompt -> answer at temperature 0. What could not be answered is left out."""
    deadline = time.monotonic() + ALL_SECONDS
    answered: dict[str, str] = {}
    try:
        with probe.open_client(place.address, place.key_env, ONE_SECONDS, seconds=ALL_SECONDS) as client:
            for golden in prompts:
                if time.monotonic() > deadline:
                    break
                if (text := _answer(client, place.model, golden)) is not None:
                    answered[golden.prompt] = text.strip()[:MOST_CHARACTERS]
    except TunesmithError:  # its key is gone: nothing can be asked
        pass
    return answered


def _answer(client: httpx.Client, model: str, golden: Golden) -> str | None:
    """As a chat; of a model without a chat template, as a text that is continued."""
    body: dict[str, Any] = {"model": model, "temperature": 0, "max_tokens": golden.max_tokens}
    try:
        chat = client.post("chat/completions", json=body | {"messages": [{"role": "user", "content": golden.prompt}]})
        if chat.status_code != 400:
            chat.raise_for_status()
            return str(orjson.loads(chat.content)["choices"][0]["message"]["content"] or "")
        completion = client.post("completions", json=body | {"prompt": golden.prompt})
        completion.raise_for_status()
        return str(orjson.loads(completion.content)["choices"][0]["text"])
    except (httpx.HTTPError, httpx.InvalidURL, OSError, LookupError, TypeError, ValueError):
        return None


def compare(prompts: Sequence[Golden], recorded: Mapping[str, str], given: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each prompt with what was expected and what was answered.

    `same` is None where nothing was expected. `required` prompts are those whose answer the caller has named.
    """
    compared = []
    for golden in prompts:
        expected = golden.answer.strip() if golden.answer is not None else recorded.get(golden.prompt)
        answer = given.get(golden.prompt)
        same = None if expected is None else answer == expected
        facts = {"prompt": golden.prompt, "expected": expected, "answer": answer, "same": same}
        compared.append({**facts, "required": golden.answer is not None})
    return compared
