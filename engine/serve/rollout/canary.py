"""Canaries: which of two backends answers a request while one is on trial, and what each did with its share.

Who passes requests on (the gateway, the chat) says how they ended; `save` adds that to the backend's row once a second,
where whoever decides reads it. So it may be another process.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlmodel import Session, col, select

from engine.process import logs
from engine.serve.rollout.judge import Side
from storage import db, endpoints
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint

Kind = Literal["stream", "whole"]

MOST_TIMES = 200  # of each kind and side, the newest


@dataclass
class Trial:
    """A green backend, its share of the requests, the names it answers to, and how much of a request it is owed."""

    green: Backend
    share: float
    names: frozenset[str]
    owed: float = 0.0


@dataclass
class _Counts:
    requests: int = 0
    errors: int = 0
    stream: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)


class _Trials:
    """The trials under way, by endpoint, as they were read last; and counts that are not saved yet. For all threads."""

    def __init__(self) -> None:
        self.by_endpoint: dict[str, Trial] = {}
        self._unreached: set[str] = set()
        self._counts: dict[tuple[str, str], _Counts] = {}
        self._lock = threading.Lock()

    def replace(self, trials: dict[str, Trial]) -> None:
        with self._lock:
            for endpoint_id, trial in trials.items():
                if (before := self.by_endpoint.get(endpoint_id)) and before.green.id == trial.green.id:
                    trial.owed = before.owed
            self.by_endpoint = trials
            self._unreached &= {trial.green.id for trial in trials.values()}

    def pick(self, endpoint_id: str, blue: Backend, model: str) -> Backend:
        with self._lock:
            trial = self.by_endpoint.get(endpoint_id)
            if trial is None or model not in trial.names or trial.green.id in self._unreached:
                return blue
            trial.owed += trial.share
            if trial.owed < 1:
                return blue
            trial.owed -= 1
            return trial.green

    def give_up(self, backend_id: str) -> None:
        with self._lock:
            self._unreached.add(backend_id)

    def count(self, endpoint_id: str, backend_id: str, failed: bool, took: tuple[Kind, float] | None) -> None:
        with self._lock:
            trial = self.by_endpoint.get(endpoint_id)
            if trial is None:
                return
            side = "green" if backend_id == trial.green.id else "blue"
            counts = self._counts.setdefault((trial.green.id, side), _Counts())
            counts.requests += 1
            counts.errors += failed
            if took is not None and not failed:
                getattr(counts, took[0]).append(took[1])

    def taken(self) -> dict[tuple[str, str], _Counts]:
        with self._lock:
            counts, self._counts = self._counts, {}
        return counts


_trials = _Trials()


def read(session: Session, names: Callable[[Endpoint, Backend], Sequence[str]]) -> None:
    """Reads which trials are under way. Called where the routes are read."""
    on_trial = (col(Endpoint.canary_backend_id) == Backend.id, Backend.status == EndpointStatus.READY)
    rows = session.exec(select(Endpoint, Backend).where(*on_trial, col(Endpoint.stopped_at).is_(None))).all()
    _trials.replace(
        {
            endpoint.id: Trial(green, float(green.rollout.get("canary") or 0), frozenset(names(endpoint, green)))
            for endpoint, green in rows
        }
    )


def is_any() -> bool:
    """Whether any trial is under way."""
    return bool(_trials.by_endpoint)


def chosen(endpoint: Endpoint, blue: Backend, model: str) -> Backend:
    """Who answers this request: green for its share of those it has the name of, as evenly as it goes."""
    return _trials.pick(endpoint.id, blue, model) if _trials.by_endpoint else blue


def green_of(endpoint_id: str) -> Backend | None:
    """The backend on trial, as it was read last."""
    trial = _trials.by_endpoint.get(endpoint_id)
    return trial.green if trial else None


def is_on(endpoint_id: str) -> bool:
    """Whether the ends of this endpoint's requests are counted."""
    return endpoint_id in _trials.by_endpoint


def note_unreached(backend_id: str) -> None:
    """A backend took no connection: if it is on trial, nobody is sent there any more."""
    if _trials.by_endpoint:
        _trials.give_up(backend_id)


def report(endpoint_id: str, backend_id: str, failed: bool, took: tuple[Kind, float] | None = None) -> None:
    """How a request ended. `took`: seconds to the first piece of a stream, or to the whole of another answer."""
    if is_on(endpoint_id):
        _trials.count(endpoint_id, backend_id, failed, took)


def save() -> None:
    """Adds what was counted to the rows of the backends on trial."""
    counted = _trials.taken()
    for green_id in {green_id for green_id, _side in counted}:
        with logs.kept_going("backends", green_id), db.session() as session:
            green = endpoints.backend(session, green_id)
            if green is not None and green.outcome.get("canary", {}).get("word") == "on":  # what comes later is late
                sides = {side: counts for (of, side), counts in counted.items() if of == green_id}
                green.outcome = {**green.outcome, "canary": _added(green.outcome["canary"], sides)}


def _added(canary: dict[str, Any], sides: dict[str, _Counts]) -> dict[str, Any]:
    added = dict(canary)
    for side, counts in sides.items():
        before = side_of(canary, side)
        added[side] = {
            "requests": before.requests + counts.requests,
            "errors": before.errors + counts.errors,
            "stream": [*before.stream, *counts.stream][-MOST_TIMES:],
            "whole": [*before.whole, *counts.whole][-MOST_TIMES:],
        }
    return added


def side_of(canary: dict[str, Any], side: str) -> Side:
    """What was counted for `blue` or `green`, out of a backend's outcome."""
    return Side(**canary.get(side, {}))


def begun(now: float | None = None) -> dict[str, Any]:
    """The outcome a trial begins with."""
    return {"word": "on", "since": now or time.time()}
