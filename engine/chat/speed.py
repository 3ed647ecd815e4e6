"""How fast an answer came: tokens, the time to its first word, and tokens a second after that."""

import time

from storage.tables import Message

SHORTEST_SECONDS = 0.02  # from the first to the last word: less is one piece of the network, and tells no speed


class Clock:
    """Runs from when a question is sent; a model that has to wake first takes the time it takes."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._first: float | None = None
        self._last = 0.0

    def heard(self) -> None:
        """A piece of the answer is here."""
        self._last = time.perf_counter() - self._began
        self._first = self._last if self._first is None else self._first

    def write_on(self, answer: Message, pieces: int, told: int | None) -> Message:
        """The answer, with its times and tokens. `told`: what the server says; a piece is about a token otherwise."""
        answer.first_token_seconds, answer.seconds = self._first, self._last if pieces else None
        answer.tokens, answer.tokens_estimated = (pieces, True) if told is None else (told, False)
        return answer


def tokens_a_second(answer: Message) -> float | None:
    """Of the tokens after the first one; None where there is no second one, or where all of them came at once."""
    tokens, seconds, first = answer.tokens, answer.seconds, answer.first_token_seconds
    if not tokens or tokens < 2 or seconds is None or first is None or seconds - first < SHORTEST_SECONDS:
        return None
    return (tokens - 1) / (seconds - first)
