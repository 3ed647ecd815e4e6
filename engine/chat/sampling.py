"""How an answer is drawn: the fields of OpenAI's API that decide which token comes next, and when it ends."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from engine.errors import RefusedError

MOST_STOPS, LONGEST_STOP = 4, 200  # as OpenAI's API takes them
LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Sampling:
    """`top_p` from 0 to 1 keeps the likeliest tokens that together have so much; with a `seed` chance is repeatable.

    A `repetition_penalty` above 1 turns away from what prompt and answer have said; OpenAI's API has none.
    """

    temperature: float = 0.7
    max_tokens: int = 512
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    repetition_penalty: float = 1.0

    def body(self) -> dict[str, Any]:
        """As fields of a request. What changes nothing is left out, for servers that do not know it."""
        body: dict[str, Any] = {"temperature": self.temperature, "max_tokens": self.max_tokens}
        body |= {"top_p": self.top_p} if self.top_p < 1 else {}
        body |= {"seed": self.seed} if self.seed is not None else {}
        body |= {"repetition_penalty": self.repetition_penalty} if self.repetition_penalty != 1 else {}
        return body | ({"stop": list(self.stop)} if self.stop else {})

    def kept(self) -> dict[str, Any]:
        """As it is stored with an answer."""
        return asdict(self) | {"stop": list(self.stop)}


def in_words(kept: Mapping[str, Any]) -> str:
    """How a stored answer was drawn, for people: what was left at its usual place is left out, but for temperature."""
    stops, seed = len(kept["stop"]), kept["seed"]
    parts = [f"Temperature {kept['temperature']:g}", f"at most {kept['max_tokens']:,} tokens"]
    parts += [f"top-p {kept['top_p']:g}"] if kept["top_p"] < 1 else []
    penalty = kept.get("repetition_penalty", 1)  # answers of before it was kept have none
    parts += [f"repetition penalty {penalty:g}"] if penalty != 1 else []
    parts += [f"seed {seed}"] if seed is not None else []
    return ", ".join(parts + ([f"{stops} stop text{'s' * (stops != 1)}"] if stops else []))


def seed_of(text: str) -> int | None:
    """A seed as it was typed; none where nothing was. Raises RefusedError."""
    text = text.strip()
    if not text:
        return None
    if not text.isdecimal() or int(text[:30]) > LARGEST_SEED:
        raise RefusedError(f"The seed is `{text:.40}`.", "Give a whole number, such as 7, or leave it empty.")
    return int(text)


def stops_of(lines: str) -> tuple[str, ...]:
    """Texts at which an answer ends, one a line. Raises RefusedError for too many or too long ones."""
    stops: Sequence[str] = [line for line in lines.split("\n") if line.strip()]
    if len(stops) > MOST_STOPS:
        raise RefusedError(f"There are {len(stops)} texts to stop at.", f"Give at most {MOST_STOPS}, one a line.")
    if long := next((stop for stop in stops if len(stop) > LONGEST_STOP), None):
        raise RefusedError(
            f"`{long:.40}…` has {len(long)} characters.", f"A text to stop at has {LONGEST_STOP} at most."
        )
    return tuple(stops)
