"""What comes in pieces, drawn at most so often, and never later than that: also the last words before a long pause."""

import queue
import threading
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

Event = TypeVar("Event")
MOST_AT_ONCE = 1000  # once a group is due


@dataclass(frozen=True)
class _End:
    """All has come, or it broke off."""

    error: BaseException | None = None


def groups(events: Generator[Event], seconds: float) -> Generator[list[Event]]:
    """The events in their order, in groups of one or more: the first at once, then one group in so many seconds.

    A group waits for no event after it. Raises what `events` raises, once all before it was given. Closing it closes
    `events` as soon as their next one comes.
    """
    coming: queue.SimpleQueue[Event | _End] = queue.SimpleQueue()
    is_left = threading.Event()
    threading.Thread(target=_read, args=(events, coming, is_left), name="paced", daemon=True).start()
    given_at = -seconds
    try:
        while True:
            group, end = _group(coming, given_at + seconds)
            if group:
                yield group
                given_at = time.monotonic()
            if end is not None:
                if end.error is not None:
                    raise end.error
                return
    finally:
        is_left.set()


def _group(coming: "queue.SimpleQueue[Event | _End]", due: float) -> tuple[list[Event], _End | None]:
    """What has come until then, one event at the least; and the end, where all has come. No flood delays it further."""
    group: list[Event] = []
    event = coming.get()
    while not isinstance(event, _End):
        group.append(event)
        left = due - time.monotonic()
        if left <= 0 and len(group) >= MOST_AT_ONCE:
            return group, None
        try:
            event = coming.get(timeout=max(0.0, left))
        except queue.Empty:
            return group, None
    return group, event


def _read(events: Generator[Event], coming: "queue.SimpleQueue[Event | _End]", is_left: threading.Event) -> None:
    """In a thread of its own: a pause holds nobody else up."""
    end = _End()
    try:
        with closing(events):
            for event in events:
                if is_left.is_set():
                    return
                coming.put(event)
    except BaseException as error:  # noqa: BLE001  (raised again, by who reads)
        end = _End(error)
    finally:
        coming.put(end)
