"""A look at an address before an endpoint is made of it: which server answers there, and which models it has.

All of it together has `LOOK_SECONDS` and `MOST_BYTES`, however many paths are asked. No token is asked for, as tokens
may cost money.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import httpx

from engine.errors import RefusedError
from engine.serve import outside, probe
from engine.serve.outsiders import kinds as outside_kinds
from engine.serve.outsiders.kinds import Found, OutsideModel
from engine.serve.outsiders.words import OutsideError, json_of, listed, words

LOOK_SECONDS = 15.0
PATH_SECONDS = 4.0  # for what is only nice to know
MOST_BYTES = 4 << 20
MOST_SHOWN_MODELS = 20  # of Ollama: each is asked for its context


@dataclass(frozen=True)
class Look:
    """What was found at an address. With `problems` an endpoint of it would not work; `notes` only inform."""

    url: str
    server: str | None
    version: str | None
    models: tuple[OutsideModel, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def look(url: str, api_key_env: str | None = None) -> Look:
    """Who answers at `url`, with the `/v1` that was left out. Raises RefusedError for one that is not allowed."""
    try:
        address = outside.checked_url(url)
    except ValueError as error:
        raise RefusedError(f"The address {error}.", "Such as http://127.0.0.1:11434/v1.") from error
    probe.key_headers(api_key_env)
    asking = _Asking(api_key_env)
    problem = ""
    for base in _bases(address):
        try:
            return _found(base, listed(asking.get(f"{base}/models", LOOK_SECONDS)), asking)
        except (OutsideError, httpx.TransportError, httpx.InvalidURL, OSError) as error:
            problem = problem or words(error)
            if not isinstance(error, OutsideError):
                break  # nobody listens there, under whatever path
    return _without_list(_bases(address)[0], problem, asking)


def _bases(address: str) -> list[str]:
    """Where OpenAI's API may begin. Whoever types no path means the server."""
    return [address] if urlsplit(address).path else [f"{address}/v1", address]


def _root(base: str) -> str:
    return base.removesuffix("/v1").removesuffix("/")


def _found(base: str, entries: list[Any], asking: "_Asking") -> Look:
    if cloud := outside_kinds.cloud(base):
        outcome = Found(cloud, models=outside_kinds.models_in(entries))
    else:
        outcome = outside_kinds.recognise(asking.answers(_root(base), outside_kinds.paths(entries)), entries)
    if outcome.server == "Ollama":
        outcome = replace(outcome, models=tuple(_with_contexts(_root(base), outcome.models, asking)))
    problems = () if outcome.models else ("It lists no model.",)
    left_out = len(entries) - len(outcome.models)
    notes = (*outcome.notes, f"{left_out} models are not shown.") if left_out > 0 and outcome.models else outcome.notes
    return Look(base, outcome.server, outcome.version, outcome.models, problems, notes)


def _without_list(base: str, problem: str, asking: "_Asking") -> Look:
    """There is no list of models: perhaps the server says at its own paths who it is."""
    answers = asking.answers(_root(base), outside_kinds.paths(())) if asking.has_answered else {}
    outcome = outside_kinds.recognise(answers, [])
    known = outcome if answers and outcome.models else Found("")
    problems = () if outside_kinds.needs_no_list(known) else (problem,)
    return Look(base, known.server or None, known.version, known.models, problems, known.notes)


def _with_contexts(root: str, models: tuple[OutsideModel, ...], asking: "_Asking") -> Iterator[OutsideModel]:
    for at, model in enumerate(models):
        shown = asking.maybe("POST", f"{root}/api/show", {"model": model.id}) if at < MOST_SHOWN_MODELS else None
        yield OutsideModel(model.id, outside_kinds.ollama_context(shown) or model.context)


class _Asking:
    """The requests of one look, which share its time and its bytes."""

    def __init__(self, key_env: str | None) -> None:
        self._key_env = key_env
        self._until = time.monotonic() + LOOK_SECONDS
        self._bytes_left = MOST_BYTES
        self.has_answered = False

    def get(self, url: str, seconds: float) -> Any:
        """The JSON at `url`. Raises OutsideError, and httpx's errors when nothing comes."""
        return self._ask("GET", url, None, seconds)

    def answers(self, root: str, asked_paths: tuple[str, ...]) -> dict[str, Any]:
        """What the server says at each path; those it does not have are left out."""
        said = {path: self.maybe("GET", root + path) for path in asked_paths}
        return {path: answer for path, answer in said.items() if answer is not None}

    def maybe(self, method: str, url: str, body: dict[str, Any] | None = None) -> Any:
        """The JSON at `url`, True for an answer without words such as TGI's /health, or None."""
        try:
            return self._ask(method, url, body, PATH_SECONDS)
        except (OutsideError, httpx.HTTPError, httpx.InvalidURL, OSError):
            return None

    def _ask(self, method: str, url: str, body: dict[str, Any] | None, seconds: float) -> Any:
        left = min(seconds, self._until - time.monotonic())
        if left <= 0 or self._bytes_left <= 0:
            raise httpx.ReadTimeout(f"more than {LOOK_SECONDS:.0f} seconds or {MOST_BYTES >> 20} MB in all")
        with probe.open_client(url, self._key_env, left, self._bytes_left, left) as client:
            response = client.request(method, url, json=body)
        self.has_answered = True
        self._bytes_left -= len(response.content)
        return True if response.status_code == 200 and not response.content else json_of(response)
