"""Tells one experiment tracker about one run: `python -m engine.workers.runs.track SPEC.json OUT/`.

Reads the run's events as the studio does and hands the numbers on, until the run's attempt has ended and all of it is
delivered. A tracker that does not answer is asked again, ever more seldom; the training knows nothing of it. How far
it is stands in OUT/state.json, so a restart goes on there. After a kill
of this process a point may be sent twice, and what a library still had in its own queue may be lost.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.process import events
from engine.process.shim import write_json
from engine.workers import contract
from engine.workers.runs.trackers.local import TensorBoard, Trackio
from engine.workers.runs.trackers.remote import Mlflow, Wandb
from engine.workers.runs.trackers.sink import About, Sink

SINKS: dict[str, Callable[[About], Sink]] = {
    "trackio": Trackio,
    "tensorboard": TensorBoard,
    "mlflow": Mlflow,
    "wandb": Wandb,
}
POLL_SECONDS = 1.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
GIVE_UP_SECONDS = 300.0  # after the end of the run
BATCH_BYTES = 256 << 10


@dataclass
class State:
    """What OUT/state.json holds."""

    offset: int = 0  # bytes of the run's events that are delivered
    points: int = 0
    known_as: str = ""
    where: str = ""
    error: str = ""  # why it does not get through just now


@dataclass
class Courier:
    """Carries events from a run's folder to one tracker."""

    spec: dict[str, Any]
    out: Path
    state: State = field(default_factory=State)
    sink: Sink | None = None
    pause: float = FIRST_PAUSE_SECONDS

    @property
    def folder(self) -> Path:
        return Path(self.spec["run_folder"])

    def go(self) -> dict[str, Any]:
        """Until all is delivered. Raises WorkFailedError when the tracker does not answer long after the end."""
        self.state = read_state(self.out)
        ended_at = None
        while True:
            is_over = self._is_over()  # asked before reading: what was written is then all there
            ended_at = ended_at or (time.monotonic() if is_over else None)
            try:
                busy = self._deliver()
                if is_over and not busy:
                    return self._close()
            except Exception as error:  # noqa: BLE001  (libraries of trackers raise anything; none may end a run's record)
                self._wait(error, ended_at)
                continue
            self.pause = FIRST_PAUSE_SECONDS
            if not busy:
                time.sleep(POLL_SECONDS)

    def _is_over(self) -> bool:
        record = self.folder / f"exit.{self.spec['attempt']}.json"
        return contract.stop_requested(self.out) or record.exists() or not self.folder.is_dir()

    def _deliver(self) -> bool:
        """Delivers what is new; whether there was anything."""
        new_events, end = events.read(self.folder, self.state.offset, BATCH_BYTES)
        if end == self.state.offset:
            return False
        sink = self._open_sink()
        for event in new_events:
            if isinstance(event, events.Step) and (numbers := finite(event.metrics)):
                sink.log(event.step, numbers)
                self.state.points += len(numbers)
        self._remember(replace(self.state, offset=end, error=""))
        return True

    def _open_sink(self) -> Sink:
        if self.sink is None:
            spec = self.spec
            store = Path(spec["store"])
            store.mkdir(parents=True, exist_ok=True, mode=0o700)
            about = About(spec["run_id"], spec["name"], spec["project"], spec["recipe"], store, self.state.known_as)
            self.sink = SINKS[spec["tracker"]](about)
            self._remember(replace(self.state, known_as=self.sink.known_as, where=self.sink.where))
        return self.sink

    def _close(self) -> dict[str, Any]:
        if self.sink is not None:
            self.sink.close(succeeded=(self.folder / "adapter").is_dir() or (self.folder / "model").is_dir())
        self._remember(replace(self.state, error=""))
        return {"attempt": self.spec["attempt"], "points": self.state.points, "where": self.state.where}

    def _wait(self, error: Exception, ended_at: float | None) -> None:
        reason = f"{type(error).__name__}: {error}"[:500]
        self._remember(replace(self.state, error=reason))
        self.sink = None  # opened anew: it may have been the connection
        if ended_at is not None and time.monotonic() - ended_at > self.spec.get("give_up_seconds", GIVE_UP_SECONDS):
            message = f"{self.spec['tracker']} could not be reached: {reason}"
            raise contract.WorkFailedError("network", message, "The numbers are all on the run's own page.") from error
        time.sleep(self.pause)
        self.pause = min(self.pause * 2, LONGEST_PAUSE_SECONDS)

    def _remember(self, state: State) -> None:
        self.state = state
        write_json(self.out / "state.json", vars(state))


def finite(metrics: dict[str, float]) -> dict[str, float]:
    """Trackers take numbers only."""
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def read_state(out: Path) -> State:
    """What an earlier process of the same run and tracker has left; a fresh one when there is none."""
    try:
        return State(**json.loads((out / "state.json").read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return State()


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Follows the run of the spec to its end."""
    return Courier(spec, out).go()


if __name__ == "__main__":
    contract.run(work)
