"""Which step a training is at, read from the end of its events: only what was added since the last look."""

import json
from pathlib import Path

EVENTS = "events.jsonl"
TAIL_BYTES = 1 << 16  # of events that were there before: an earlier attempt's, and of one look


class StepWatch:
    def __init__(self, folder: Path) -> None:
        self._file = folder / EVENTS
        self._offset = 0
        self.step = 0

    def look(self) -> int:
        """The newest step that was told, of a start that goes on from a checkpoint too."""
        try:
            with self._file.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(self._offset, size - TAIL_BYTES))
                whole, newline, _partial = file.read(TAIL_BYTES).rpartition(b"\n")
                self._offset = file.tell() - len(_partial)
        except OSError:
            return self.step
        for line in reversed(whole.splitlines() if newline else []):
            step = _step(line)
            if step is not None:
                self.step = step
                break
        return self.step


def _step(line: bytes) -> int | None:
    """The step that an event is about; None for one that says nothing of it, and for a torn line."""
    try:
        event = json.loads(line)
        if event["kind"] == "step":
            return int(event["step"])
        if event["kind"] == "started":
            return int(event["facts"].get("resumed_from_step") or 0)
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    return None
