"""What a tracker has to be able to do, and what it is told about the run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class About:
    """The run as trackers know it. `store` is the tracker's own folder, shared by all runs; `known_as` its id there."""

    run_id: str
    name: str
    project: str
    recipe: dict[str, Any]
    store: Path
    known_as: str = ""


class Sink(Protocol):
    """A run at a tracker, open. Every method may raise whatever its library raises."""

    known_as: str  # the run's id at the tracker, by which it is found again after a restart
    where: str  # where a person finds it: an address, or a command

    def log(self, step: int, metrics: dict[str, float]) -> None:
        """The numbers of one step."""

    def close(self, succeeded: bool) -> None:
        """Hands on what is still on its way, and says how the run ended."""
