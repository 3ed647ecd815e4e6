"""How much of a training's time its answers may take, and how many prompts and tokens that suffices for. Pure."""

from dataclasses import dataclass

SHARE = 0.1  # of the time that the training has taken so far
FEWEST_TOKENS = 4  # less of an answer says nothing
MOST_TOKENS = {"cpu": 64}
MOST_ELSEWHERE = 256


def longest_answer(device: str) -> int:
    """Tokens that an answer has at most, where there is time: a GPU writes many times faster than a CPU."""
    return MOST_TOKENS.get(device.partition(":")[0], MOST_ELSEWHERE)


@dataclass(frozen=True)
class Speed:
    """Seconds to read one prompt, and to write one token of all answers together, as measured."""

    reading: float
    writing: float

    def seconds(self, prompts: int, tokens: int) -> float:
        """What so many answers of so many tokens take."""
        return prompts * self.reading + tokens * self.writing


@dataclass(frozen=True)
class Amount:
    """What is asked: the first `prompts` of all, with answers of at most `tokens`. None of them where time is short."""

    prompts: int
    tokens: int


def seconds_left(training: float, answering: float, free: float, is_end: bool = False) -> float:
    """What may be used now: `training` are seconds without those that went into answers, `answering` are those.

    `free` seconds may be used in any case, in all, so that a training of seconds has answers too: half of what is left
    of them each time before the end, so that later evaluations have answers as well.
    """
    return max(SHARE * training - answering, (1.0 if is_end else 0.5) * (free - answering))


def fitting(prompts: int, longest: int, seconds: float, speed: Speed) -> Amount:
    """As many tokens as there is time for; where those are too few, fewer prompts."""
    for count in range(prompts, 0, -1):
        tokens = int((seconds - count * speed.reading) / max(speed.writing, 1e-9))
        if tokens >= min(FEWEST_TOKENS, longest):
            return Amount(count, min(tokens, longest))
    return Amount(0, 0)


SHORTLY = (
    "The first and the last weights answer one prompt shortly: a tenth of the training's time was too short for more."
)


def in_words(amount: Amount, prompts: int, longest: int) -> str:
    """What was left out for want of time; empty where nothing was."""
    if not amount.prompts:
        return "There was no time for answers at some evaluations: they may take a tenth of the training's time."
    if amount.prompts < prompts:
        return "Some evaluations answer fewer prompts, shortly: answers may take a tenth of the training's time."
    if amount.tokens < longest:
        return f"Some answers end before {longest} tokens: they may take a tenth of the training's time."
    return ""
