"""The loop that keeps what is in step with what was decided: once a second, and when there is news (process.news).

In one process of the studio: whoever holds the lock of `storage.home.engine_lock` leads; the others wait to take over
when it dies. What goes wrong with one thing is logged, and the rest goes on. Nothing slow is done here:
engine.life.upkeep does that.
"""

import fcntl
import os
import threading
from collections.abc import Callable

from engine.benchmarks import benchmarks, tuner
from engine.data import health, importing
from engine.evaluate import line
from engine.finetuning import moving
from engine.lesson import lesson
from engine.models import models
from engine.notifications import courier, watching
from engine.process import devices, logs, news, work
from engine.registry import following, versions
from engine.runs import sleeping_endpoints, supervision, tracking
from engine.serve import adapter_loads, backends
from engine.sweeps.life import tick as sweeps
from storage import home

EVERY_SECONDS = 1.0

# In the order in which one waits for the other. Leases come last: what ended in this round gives its device back.
TICKS: dict[str, Callable[[], None]] = {
    "models": models.tick,
    "datasets": importing.tick,
    "work": work.tick,
    "health": health.tick,
    "sweeps": sweeps.tick,  # before runs: what is pruned has given its device back at the end of the round
    "runs": supervision.tick,
    "sleeping_endpoints": sleeping_endpoints.tick,
    "tracking": tracking.tick,
    "fine-tuning": moving.tick,
    "endpoints": backends.tick,
    "adapters": adapter_loads.tick,
    "versions": versions.tick,
    "aliases": following.tick,
    "benchmarks": benchmarks.tick,
    "tuners": tuner.tick,
    "lesson": lesson.tick,
    "evaluations": line.tick,
    "notifications": watching.tick,
    "outbox": courier.tick,
    "devices": devices.tick,
}


def tick() -> None:
    """One round."""
    for name, act in TICKS.items():
        with logs.kept_going(name):
            act()


class Reconciler:
    """The loop as a thread. `leads` says whether it is this one that acts."""

    def __init__(self) -> None:
        self.leads = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the loop after the round that is on, and lets the next one lead."""
        self._stop.set()
        news.came()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        home.ensure_folder(home.home())
        lock = os.open(home.engine_lock(), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not self._stop.is_set():
                self.leads = self.leads or _take(lock)
                if self.leads:
                    tick()
                    news.wait(EVERY_SECONDS)
                else:
                    self._stop.wait(EVERY_SECONDS)
        finally:
            self.leads = False
            os.close(lock)


def _take(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
