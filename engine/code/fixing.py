"""Code that fails is shown to the model with what it said, again and again until it works, at most so many rounds."""

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace

from engine.code import candidates, running, writing
from engine.code.candidates import Written
from engine.code.running import Outcome, Runner
from engine.code.wanted import Wanted
from engine.code.writing import Piece
from engine.errors import RefusedError

MOST_ROUNDS = 10
BOLDER = 0.3  # added to the temperature after a round that changed nothing
HOTTEST = 1.2


@dataclass(frozen=True)
class Round:
    """One run, and the answer before it. Round 0 is the code as it was given, which no model wrote."""

    number: int
    files: dict[str, str]
    outcome: Outcome
    answer: Written | None = None
    note: str = ""


def rounds(
    asked: Wanted,
    run_in: Runner,
    most: int = 3,
    tests: Mapping[str, str] | None = None,
    known: Outcome | None = None,
) -> Generator[Piece | Round]:
    """Runs the code; while it does not work, has the model fix it, at most `most` times, and runs it again.

    Yields the words of each answer as they come, and a Round after each run: the last one says how it ended. `tests`
    are run instead of the main file; the model cannot change them. `known`: how the code ran already. Raises
    RefusedError, ChatError, and what the sandbox raises.
    """
    if not 0 <= most <= MOST_ROUNDS:
        raise RefusedError(f"`rounds` is {most}.", f"Use 0 to {MOST_ROUNDS}.")
    running.check(asked.language)
    files = dict(asked.files)
    outcome = known or running.run(files, run_in, tests)
    yield Round(0, files, outcome)
    question = replace(asked, action="fix")
    for number in range(1, most + 1):
        if outcome.works:
            return
        question = replace(question, files=files, error=outcome.words)
        pieces: list[Piece] = []
        with closing(writing.stream(question)) as stream:
            for piece in stream:
                pieces.append(replace(piece, round=number))
                yield pieces[-1]
        answer = candidates.written(question, pieces)
        after = {**answer.files, **(tests or {})} if tests else answer.files
        note = "" if after != files else "The model changed nothing."
        if note:
            question = _bolder(question, number)
        else:
            files, outcome = after, running.run(after, run_in, tests)
        yield Round(number, files, outcome, answer, note)


def _bolder(question: Wanted, number: int) -> Wanted:
    """The same question would get the same answer: with another seed, and more heat."""
    seed = None if question.seed is None else question.seed + number
    return replace(question, seed=seed, temperature=min(HOTTEST, question.temperature + BOLDER))
