"""What a server does: it writes text, or gives vectors, or scores. Found out by asking, not by its name.

vLLM is started for one of them: a server of embeddings has no /v1/completions, one that writes has no /v1/embeddings.
"""

from collections.abc import Mapping
from typing import Any, Literal

import httpx
import orjson

from engine.errors import RefusedError
from storage.tables import Backend

Ability = Literal["text", "embeddings", "scores"]

FIELD = "does"  # in a backend's outcome
WORDS: Mapping[Ability, str] = {
    "text": "writes text",
    "embeddings": "gives embeddings and writes no text",
    "scores": "scores answers and writes no text",
}
ROUTES: Mapping[Ability, str] = {"text": "chat/completions", "embeddings": "embeddings", "scores": "score"}
LACKING = (404, 405, 501)
# The smallest question of each, in the order in which they are tried.
_QUESTIONS: Mapping[Ability, tuple[str, dict[str, Any]]] = {
    "text": ("completions", {"prompt": "a", "max_tokens": 1}),
    "embeddings": ("embeddings", {"input": "a"}),
    "scores": ("score", {"text_1": "a", "text_2": "a"}),
}


def of(backend: Backend) -> Ability:
    """What a backend was found to do; text where nobody has asked it yet."""
    ability: Ability = backend.outcome.get(FIELD, "text")
    return ability


def kept(backend: Backend, ability: Ability) -> dict[str, Any]:
    """The backend's outcome with what it does."""
    rest = {name: value for name, value in backend.outcome.items() if name != FIELD}
    return rest if ability == "text" else {**rest, FIELD: ability}


def proven(client: httpx.Client, model: str) -> Ability:
    """Has a server of ours answer the first question that it takes.

    Raises RefusedError for one that has none of these calls, httpx's errors and ValueError for a bad answer.
    """
    for ability in _QUESTIONS:
        answer = ask(client, model, ability)
        if not _lacks(answer):
            answer.raise_for_status()
            orjson.loads(answer.content)
            return ability
    raise RefusedError(
        "The server has none of /v1/completions, /v1/embeddings and /v1/score, so it cannot be used here.",
        "A classifier of several labels, or vectors of single tokens, cannot be served. Choose another model.",
    )


def ask(client: httpx.Client, model: str, ability: Ability) -> httpx.Response:
    """The answer to the smallest question of that kind. Raises httpx's errors."""
    route, fields = _QUESTIONS[ability]
    return client.post(route, json={"model": model, **fields})


def _lacks(answer: httpx.Response) -> bool:
    """Whether the server does not have that call, or has it and refuses it to a reward model."""
    if answer.status_code == 400:
        return b'"scores_only"' in answer.content
    return answer.status_code in LACKING and not _names_the_model(answer.content)


def _names_the_model(content: bytes) -> bool:
    """vLLM and our own server say so where the call is there, and the model is not."""
    return b'"model_not_found"' in content or b'"NotFoundError"' in content


def by_routes(client: httpx.Client) -> Ability:
    """What an outside server does, by the calls it has: a GET of a call that wants a POST costs no token.

    FastAPI and most others say 405 there, and 404 where there is no such call. Text where it is not clear.
    """
    try:
        if client.get("chat/completions").status_code != 404 or client.get("completions").status_code == 405:
            return "text"
        others: tuple[Ability, ...] = ("embeddings", "scores")
        return next((ability for ability in others if client.get(ROUTES[ability]).status_code == 405), "text")
    except (httpx.HTTPError, OSError):
        return "text"


def refuse_other(backend: Backend, what: str) -> None:
    """Raises RefusedError for a backend that writes no text; `what` says what needs it to."""
    if (ability := of(backend)) != "text":
        raise RefusedError(f"{what} needs written answers, and this server {WORDS[ability]}.", "Leave it out.")
