"""Whether a server that is alive still answers. Looked at every few seconds, beside the requests that it gets.

A look asks for /health; when the server has computed nothing for a while, also for one token (a vector, a score), since
an engine may hang behind an API that answers. A look without an answer is a miss only if the server's processes have
used next to no processor time meanwhile, and want none now: one that reads a long prompt computes, one on a crowded
machine waits for its turn, one that hangs or was stopped does neither.
After MOST_MISSES in a row it counts as dead. One that computes and says nothing has BUSY_SECONDS.

Processes that wait for each other by spinning look busy: for those only BUSY_SECONDS counts.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from engine.errors import TunesmithError
from engine.process import footprint
from engine.process.answers import Answers
from engine.serve import abilities, probe
from engine.serve.abilities import Ability
from storage import db, endpoints, home
from storage.tables import Backend

LOOK_SECONDS = 10.0
HEALTH_SECONDS = 5.0
QUESTION_EVERY_SECONDS = 60.0  # at most so often, and only while it computes nothing
QUESTION_SECONDS = 30.0
MOST_MISSES = 3
BUSY_SECONDS = 600.0  # as long as the gateway waits for an answer
WORKING = 0.05  # of one core; an idle server uses less than a hundredth
MOST_KEPT = 1000


@dataclass(frozen=True)
class Pulse:
    """What is known of one attempt: `misses` in a row; when it was silent first, and when it answered a question."""

    attempt: int
    at: float  # of the last look
    cpu: float | None = None  # seconds of all its processes until then
    misses: int = 0
    silent_since: float | None = None
    answered_at: float = 0.0


@dataclass(frozen=True)
class _Ask:
    address: str
    model: str
    ability: Ability
    folder: Path


_looks: Answers[Pulse] = Answers("pulse", places=8)
_pulses: dict[str, Pulse] = {}  # by backend; a new process of the studio begins to count anew


def problem(backend: Backend) -> str:
    """Why a backend that is ready counts as dead though its process lives; "" while it does not. Never waits."""
    now = time.monotonic()
    pulse = _pulses.get(backend.id)
    if pulse is None or pulse.attempt != backend.attempt:
        pulse = _keep(backend.id, Pulse(backend.attempt, now, answered_at=now))
    if now - pulse.at < LOOK_SECONDS:
        return ""
    before = pulse
    answer = _looks.to(f"{backend.id} {backend.attempt}", lambda: _look(backend, before))
    if answer is None:
        return ""
    return _verdict(_keep(backend.id, answer.value))


def _keep(backend_id: str, pulse: Pulse) -> Pulse:
    while len(_pulses) >= MOST_KEPT:
        del _pulses[next(iter(_pulses))]
    _pulses[backend_id] = pulse
    return pulse


def _verdict(pulse: Pulse) -> str:
    silent = pulse.at - pulse.silent_since if pulse.silent_since is not None else 0.0
    if pulse.misses >= MOST_MISSES:
        return f"Its process lives, computes nothing and did not answer {pulse.misses} times in {silent:.0f} seconds."
    if silent > BUSY_SECONDS:
        return f"Its process computes, and has answered nothing for {silent / 60:.0f} minutes."
    return ""


def _look(backend: Backend, before: Pulse) -> Pulse:
    """One look, in a thread: it takes up to HEALTH_SECONDS and QUESTION_SECONDS."""
    with db.reading() as session:
        endpoint = endpoints.get(session, backend.endpoint_id)
    folder = home.backend_folder(backend.id)
    ask = _Ask(str(backend.address), endpoint.name if endpoint else "", abilities.of(backend), folder)
    began, cpu = time.monotonic(), footprint.cpu_seconds(folder)
    is_idle = not _worked(before.cpu, cpu, began - before.at)
    answered_at = before.answered_at
    if not _is_well(ask.address):
        is_silent = True
    elif is_idle and began - before.answered_at >= QUESTION_EVERY_SECONDS:
        is_silent = not _answers(ask)
        answered_at = answered_at if is_silent else time.monotonic()
    elif before.misses and began - before.answered_at >= QUESTION_EVERY_SECONDS:
        return _with(before, cpu, before.misses, before.silent_since)  # it works: a question would have to wait
    else:
        is_silent = False
    now, after = time.monotonic(), footprint.cpu_seconds(folder)
    if not is_silent:
        return Pulse(before.attempt, now, after, answered_at=answered_at)
    is_miss = not _worked(cpu, after, now - began) and not footprint.wants_a_core(folder)
    return _with(before, after, before.misses + is_miss, before.silent_since or began)


def _with(before: Pulse, cpu: float | None, misses: int, silent_since: float | None) -> Pulse:
    return Pulse(before.attempt, time.monotonic(), cpu, misses, silent_since, before.answered_at)


def _worked(before: float | None, after: float | None, seconds: float) -> bool:
    """Whether its processes have computed meanwhile. Where nothing is known of them they may have."""
    if before is None or after is None or after < before:  # one of them has ended
        return True
    return after - before > WORKING * seconds


def _is_well(address: str) -> bool:
    try:
        with probe.open_client(address, timeout=HEALTH_SECONDS) as client:
            return client.get("http://backend/health").is_success
    except httpx.HTTPError:
        return False


def _answers(ask: _Ask) -> bool:
    """Whether it answers a question. That it refuses one is an answer."""
    try:
        with probe.open_client(ask.address, timeout=QUESTION_SECONDS) as client:
            abilities.ask(client, ask.model, ask.ability)
    except (httpx.TransportError, TunesmithError):
        return False
    return True
