"""A chat as questions with their answers: what is judged, measured and learnt from."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from storage.tables import Message


@dataclass(frozen=True)
class Exchange:
    """A question, what each side answered to it, and the turns before it."""

    question: Message
    tuned: Message | None
    base: Message | None
    before: tuple[Message, ...]

    def answers(self) -> list[Message]:
        return [answer for answer in (self.tuned, self.base) if answer is not None]

    def answer(self, side: str) -> Message | None:
        return {"tuned": self.tuned, "base": self.base}.get(side)

    def prompt(self, answer: Message) -> list[dict[str, str]]:
        """What the model was shown for that answer: its system prompt, and the turns of its side up to the question."""
        shown = taking_turns([turn for turn in (*self.before, self.question) if turn.side in ("user", answer.side)])
        roles = [{"role": "user" if turn.side == "user" else "assistant", "content": turn.content} for turn in shown]
        system = answer.system.strip()
        return [{"role": "system", "content": system}, *roles] if system else roles


def exchanges(turns: Sequence[Message]) -> list[Exchange]:
    """The questions of a chat in their order, from its turns in theirs."""
    starts = [place for place, turn in enumerate(turns) if turn.side == "user"]
    return [_exchange(turns, start, end) for start, end in pairwise([*starts, len(turns)])]


def _exchange(turns: Sequence[Message], start: int, end: int) -> Exchange:
    by_side = {turn.side: turn for turn in turns[start + 1 : end]}
    return Exchange(turns[start], by_side.get("tuned"), by_side.get("base"), tuple(turns[:start]))


def taking_turns(turns: Sequence[Message]) -> list[Message]:
    """The turns of one side without the questions that it has no answer to, but for the last one.

    Templates of many models refuse two questions in a row. An answer may be missing because it was deleted, because the
    model broke off before its first word, or because the side was silent then.
    """
    with_next = zip(turns, [*turns[1:], None], strict=True)
    return [turn for turn, after in with_next if turn.side != "user" or after is None or after.side != "user"]
