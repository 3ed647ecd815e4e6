"""How a new run stands in the queue: its priority, and the run that it waits for."""

from dataclasses import dataclass
from typing import Any

from engine.errors import RefusedError

LEAST_PRIORITY, MOST_PRIORITY = -100, 100


@dataclass(frozen=True)
class QueuePlace:
    """A greater priority starts earlier. `after` is the run at whose end it starts, None for none."""

    priority: int = 0
    after: str | None = None
    only_if_succeeded: bool = True

    def columns(self) -> dict[str, Any]:
        """As columns of a run. Raises RefusedError for a priority that is none."""
        rank = -checked_priority(self.priority)
        return {"rank": rank, "after_run_id": self.after, "after_success": self.only_if_succeeded}


LAST = QueuePlace()


def checked_priority(priority: int) -> int:
    """The priority itself. Raises RefusedError for one that is none."""
    if not LEAST_PRIORITY <= priority <= MOST_PRIORITY:
        message = f"`priority` is {priority}: it must be from {LEAST_PRIORITY} to {MOST_PRIORITY}."
        raise RefusedError(message, "0 is the usual one; a greater one starts earlier.")
    return priority
