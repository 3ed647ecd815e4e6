"""Whether an outside server still answers. It is not ours, so nothing is ended: that it is silent is only said.

A look is one GET of /models with the endpoint's key, of which only the beginning is read: no token, and next to no
bytes. What counts is that it answers as it did when the endpoint became ready; one that limits requests (429) or has
no list (404, such as text-embeddings-inference) is there too. After MOST_MISSES in a row it is written down with the
backend, where every process of the studio finds it; the first answer takes it away. Requests are passed on meanwhile.
"""

import time
from dataclasses import dataclass
from typing import Any

import httpx

from engine.errors import TunesmithError
from engine.process.answers import Answers
from engine.serve import probe
from engine.serve.outsiders import words as outside_words
from storage import db, endpoints
from storage.tables import Backend

LOOK_SECONDS = 30.0
AGAIN_SECONDS = 5.0  # after the first miss, to know soon
ASK_SECONDS = 5.0  # in all, from the look-up of the name to the first byte
MOST_MISSES = 2
MOST_KEPT = 1000
MOST_HEADER_BYTES = 1 << 20
THERE = (404, 429)  # answers of one that works: it has no list of models, or was asked too often

FIELD = "silent"  # in a backend's outcome


@dataclass(frozen=True)
class _Pulse:
    """The looks at one backend: misses in a row, and when the next look is due."""

    due: float
    misses: int = 0


_looks: Answers[str] = Answers("outside-pulse", places=8)  # its problem; "" when it answers
_pulses: dict[str, _Pulse] = {}  # by backend; a new process of the studio begins to count anew


def look(backend: Backend) -> None:
    """Looks at an outside server that is ready, when it is time. Asked every second, and never waits."""
    pulse = _pulses.get(backend.id) or _keep(backend.id, _Pulse(time.monotonic() + LOOK_SECONDS))
    if time.monotonic() < pulse.due:
        return
    address, key_env = str(backend.address), backend.options.get("api_key_env")
    answer = _looks.to(backend.id, lambda: problem(address, key_env))
    if answer is None:
        return
    misses = pulse.misses + 1 if answer.value else 0
    wait = AGAIN_SECONDS if 0 < misses < MOST_MISSES else LOOK_SECONDS
    _keep(backend.id, _Pulse(time.monotonic() + wait, misses))
    if not answer.value or misses >= MOST_MISSES:
        _write_down(backend, answer.value)


def silence(backend: Backend) -> dict[str, Any] | None:
    """Since when, in seconds since 1970, and why an outside server does not answer; None while it does."""
    facts: dict[str, Any] | None = backend.outcome.get(FIELD)
    return facts


def problem(address: str, key_env: str | None) -> str:
    """What is wrong with the server at that address, as a sentence; "" when it answers. Takes up to ASK_SECONDS."""
    try:
        with (
            probe.open_client(address, key_env, ASK_SECONDS, MOST_HEADER_BYTES, ASK_SECONDS) as client,
            client.stream("GET", "models") as response,
        ):
            if response.status_code not in THERE:
                outside_words.refuse_status(response)
    except (outside_words.OutsideError, TunesmithError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return outside_words.words(error)
    return ""


def _keep(backend_id: str, pulse: _Pulse) -> _Pulse:
    while len(_pulses) >= MOST_KEPT and backend_id not in _pulses:
        del _pulses[next(iter(_pulses))]
    _pulses[backend_id] = pulse
    return pulse


def _write_down(backend: Backend, reason: str) -> None:
    """Keeps the silence with the backend, or its end; writes only what has changed."""
    known = silence(backend)
    if (known["reason"] if known else "") == reason:
        return
    with db.session() as session:
        if (row := endpoints.backend(session, backend.id)) is None:
            return
        rest = {name: value for name, value in row.outcome.items() if name != FIELD}
        since = known["since"] if known else time.time()
        row.outcome = {**rest, FIELD: {"since": since, "reason": reason}} if reason else rest
