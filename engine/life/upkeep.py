"""What is to be done now and then and may take long: old folders, old results, drivers that did not answer.

In a thread of its own, so that the reconciler never waits for a disk or a driver.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.accounts import request_log
from engine.chat import deleting as chats_deleting
from engine.code import deleting as snippets_deleting
from engine.data import deleting as datasets_deleting
from engine.evaluate import deleting as evaluations_deleting
from engine.life import orphans
from engine.models import deleting as models_deleting
from engine.models import looks
from engine.notifications import settings as notifications
from engine.notifications import watching
from engine.process import device_memory, logs, machine, trash, work
from engine.registry import endpoint_files, kept_sweeps, manifests
from engine.runs import deleting
from engine.runtimes import runtimes
from engine.serve import idle
from engine.serve.rollout import canary
from engine.sweeps import deleting as sweeps_deleting
from engine.system import use

EVERY_SECONDS = 1.0


@dataclass(frozen=True)
class Chore:
    act: Callable[[], None]
    every_seconds: float
    for_leader: bool = True  # done by the process that leads alone; otherwise by each


CHORES = {
    "devices": Chore(machine.refresh, 60, for_leader=False),
    "device_memory": Chore(device_memory.refresh, device_memory.REFRESH_SECONDS, for_leader=False),
    "machine use": Chore(use.keep, use.EVERY_SECONDS, for_leader=False),
    "canaries": Chore(canary.save, 1, for_leader=False),
    "idle": Chore(idle.save, idle.SAVE_SECONDS, for_leader=False),
    "deleted runs": Chore(deleting.remove_due, 2),
    "deleted datasets": Chore(datasets_deleting.remove_due, 2),
    "deleted models": Chore(models_deleting.remove_due, 2),
    "deleted chats": Chore(chats_deleting.remove_due, 2),
    "deleted snippets": Chore(snippets_deleting.remove_due, 2),
    "deleted evaluations": Chore(evaluations_deleting.remove_due, 2),
    "deleted sweeps": Chore(sweeps_deleting.remove_due, 2),
    "trash": Chore(trash.empty, 2),
    "orphans": Chore(orphans.sweep, 600),
    "work": Chore(work.drop_old, 60),
    "runtimes": Chore(runtimes.tidy, 600),
    "requests": Chore(request_log.drop_old, 600),
    "models": Chore(looks.forget_changed, 600),
    "rows": Chore(manifests.keep_up, 20),
    "sweeps": Chore(kept_sweeps.keep_up, 20),
    "endpoint rows": Chore(endpoint_files.keep_up, 20),
    "disk": Chore(watching.look_at_disk, 60),
    "notifications": Chore(notifications.tidy, 600),
}


class Upkeep:
    """The chores as a thread. `leads` says whether this process is the one that acts."""

    def __init__(self, leads: Callable[[], bool]) -> None:
        self._leads = leads
        self._done_at: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends after the chore that is on; one that takes longer than a few seconds ends with the process."""
        self._stop.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.is_set():
            for name, chore in CHORES.items():
                if self._is_due(name, chore) and not self._stop.is_set():
                    self._done_at[name] = time.monotonic()
                    with logs.kept_going(name):
                        chore.act()
            self._stop.wait(EVERY_SECONDS)

    def _is_due(self, name: str, chore: Chore) -> bool:
        waited = time.monotonic() - self._done_at.get(name, -chore.every_seconds)
        return waited >= chore.every_seconds and (self._leads() or not chore.for_leader)
