"""Waiting for something to become true, instead of sleeping and hoping."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], seconds: float = 60, every: float = 0.05) -> T:
    """The first true value of `condition`; fails the test when there is none in time.

    A minute, because a machine with a load of twenty takes ten times as long for everything. Whoever passes less says
    that the time itself is what is proven.
    """
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        pause.wait(every)
    return result
