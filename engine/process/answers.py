"""Questions to servers, asked in threads of their own: whoever asks comes back for the answer, and never waits."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.process import news

A = TypeVar("A")

MOST_WAITING = 1000  # answers nobody came back for; the oldest are forgotten


@dataclass(frozen=True)
class Answer(Generic[A]):
    value: A


class Answers(Generic[A]):
    """Answers under way, each by the name of who is asked. For any number of threads.

    With `is_news` the reconciler comes for an answer at once: something waits for it.
    """

    def __init__(self, name: str, places: int = 4, is_news: bool = False) -> None:
        self._is_news = is_news
        self._askers = ThreadPoolExecutor(max_workers=places, thread_name_prefix=name)
        self._under_way: dict[str, Future[A]] = {}
        self._lock = threading.Lock()

    def to(self, name: str, question: Callable[[], A]) -> Answer[A] | None:
        """The answer, once; None while there is none yet, and at the first call, which begins to ask.

        Raises what the question has raised.
        """
        with self._lock:
            future = self._under_way.get(name)
            if future is None:
                if len(self._under_way) >= MOST_WAITING:
                    del self._under_way[next(iter(self._under_way))]
                future = self._under_way[name] = self._askers.submit(question)
                if self._is_news:
                    future.add_done_callback(lambda _: news.came())
                return None
            if not future.done():
                return None
            del self._under_way[name]
        return Answer(future.result())
