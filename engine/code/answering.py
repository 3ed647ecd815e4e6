"""A question about code from its start to its end: answers, runs, a ranking, rounds of fixing."""

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace

from engine.code import candidates, file_names, fixing, running, wanted
from engine.code.candidates import Ranked, Unwritten, Written
from engine.code.fixing import Round
from engine.code.running import Runner
from engine.code.wanted import Wanted
from engine.code.writing import Piece
from engine.errors import RefusedError, TunesmithError


@dataclass(frozen=True)
class Extent:
    """How far it goes. `run`: what was written is run, and ranked where there are several. `rounds` imply it."""

    candidates: int = 1
    run: bool = False
    rounds: int = 0
    tests: Mapping[str, str] = field(default_factory=dict)  # files; they imply it too

    @property
    def runs(self) -> bool:
        return self.run or bool(self.rounds or self.tests)


@dataclass(frozen=True)
class Ranking:
    """All candidates that were written, the best first. `problem`: why they could not be run; then none is ranked."""

    ranked: list[Ranked]
    problem: TunesmithError | None = None


Event = Piece | Written | Unwritten | Ranking | Round


def checked(asked: Wanted, extent: Extent) -> None:
    """Raises RefusedError for what can be seen to be impossible before a model is asked."""
    wanted.checked(asked)
    if not 1 <= extent.candidates <= candidates.MOST:
        raise RefusedError(f"`candidates` is {extent.candidates}.", f"Use 1 to {candidates.MOST}.")
    if not 0 <= extent.rounds <= fixing.MOST_ROUNDS:
        raise RefusedError(f"`rounds` is {extent.rounds}.", f"Use 0 to {fixing.MOST_ROUNDS}.")
    if not extent.runs:
        return
    if not asked.does.writes_code:
        raise RefusedError(f"`{asked.does.title}` writes no code to run.", "Leave out `run`, `rounds` and `tests`.")
    if extent.rounds and asked.action == "test":
        raise RefusedError("Tests are not fixed in rounds: what is wrong may be the code.", "Leave out `rounds`.")
    running.check(asked.speaks.name)
    file_names.checked({**asked.files, **extent.tests})
    if extent.tests and not any(name.endswith(".py") for name in extent.tests):
        raise RefusedError("None of the files with tests ends in .py.", "Rename it, such as test_main.py.")


def answer(asked: Wanted, extent: Extent, run_in: Runner) -> Generator[Event]:
    """Everything that happens, in order. Ends only when all of it was done; closing it stops the model.

    Raises RefusedError and NotFoundError before the first event; the error of the model when no answer could be had;
    ChatError when the model breaks off in a round of fixing.
    """
    checked(asked, extent)
    answers: list[Written] = []
    failed: list[Unwritten] = []
    with closing(candidates.write(asked, extent.candidates)) as events:
        for event in events:
            if isinstance(event, Written):
                answers.append(event)
            if isinstance(event, Unwritten):
                failed.append(event)
            yield event
    if not answers:
        raise failed[0].error
    answers.sort(key=lambda written: written.candidate)
    if extent.runs:
        yield from _run(asked, extent, run_in, answers)


def _run(asked: Wanted, extent: Extent, run_in: Runner, answers: list[Written]) -> Generator[Event]:
    try:
        ranked = candidates.rank(asked, answers, run_in, extent.tests)
    except TunesmithError as error:  # without a sandbox nothing runs; the answers are there all the same
        yield Ranking([], error)
        return
    yield Ranking(ranked)
    best = next(written for written in answers if written.candidate == ranked[0].candidate)
    if not extent.rounds or ranked[0].outcome.works or not best.changed:
        return
    question = replace(asked, language=asked.speaks.name, files=best.files)
    with closing(fixing.rounds(question, run_in, extent.rounds, extent.tests, ranked[0].outcome)) as events:
        yield from events
