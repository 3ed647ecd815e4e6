"""Several answers to one question side by side, ranked by whether they run and pass the tests."""

import queue
import secrets
import threading
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace

from engine import hidden
from engine.code import fences, languages, running, wanted, writing
from engine.code.running import Outcome, Runner
from engine.code.wanted import Wanted
from engine.code.writing import Piece, Way
from engine.errors import RefusedError, TunesmithError

MOST = 8
AT_ONCE = 2  # runs of one ranking; the sandbox has a bound of its own
WARMER = 0.2  # how much bolder each further candidate is
HOTTEST = 1.2


@dataclass(frozen=True)
class Written:
    """An answer that has come to its end. `files`: the whole code with it; `insertion`: what belongs at the cursor."""

    candidate: int
    answer: str
    files: dict[str, str]
    warnings: list[str] = field(default_factory=list)
    ended: str = "stop"
    insertion: str | None = None
    changed: tuple[str, ...] = ()  # the files that the answer wrote


@dataclass(frozen=True)
class Unwritten:
    """An answer that could not be had, while others may."""

    candidate: int
    error: TunesmithError


@dataclass(frozen=True)
class Ranked:
    """A candidate in its place, 1 for the best. `same_as`: another one has the same code."""

    candidate: int
    place: int
    outcome: Outcome
    same_as: int | None = None


def write(asked: Wanted, count: int = 1) -> Generator[Piece | Written | Unwritten]:
    """Answers at the same time, piece by piece in the order they come; each ends as Written or Unwritten.

    The first is as asked, the others have other seeds and are bolder. Closing the iterator stops them all. Raises
    RefusedError and NotFoundError before the first piece.
    """
    if not 1 <= count <= MOST:
        raise RefusedError(f"`candidates` is {count}.", f"Use 1 to {MOST}.")
    writing.plan(asked)  # what cannot be asked is said once and not by each
    coming: queue.SimpleQueue[Piece | Written | Unwritten] = queue.SimpleQueue()
    stop = threading.Event()
    for number, question in enumerate(variants(asked, count)):
        threading.Thread(target=_write_one, args=(question, number, coming, stop), daemon=True).start()
    left = count
    try:
        while left:
            event = coming.get()
            left -= isinstance(event, Written | Unwritten)
            yield event
    finally:
        stop.set()


def variants(asked: Wanted, count: int) -> list[Wanted]:
    """The same question with a seed for each candidate, and more heat from one to the next."""
    if count == 1:
        return [asked]
    seed = secrets.randbelow(1 << 30) if asked.seed is None else asked.seed
    heats = [max(asked.temperature, min(HOTTEST, asked.temperature + WARMER * number)) for number in range(count)]
    return [replace(asked, seed=seed + number, temperature=heat) for number, heat in enumerate(heats)]


def _write_one(
    asked: Wanted, number: int, coming: "queue.SimpleQueue[Piece | Written | Unwritten]", stop: threading.Event
) -> None:
    try:
        pieces: list[Piece] = []
        with closing(writing.stream(asked, number)) as stream:
            for piece in stream:
                if stop.is_set():
                    return
                pieces.append(piece)
                coming.put(piece)
        coming.put(written(asked, pieces))
    except TunesmithError as error:
        coming.put(Unwritten(number, error))
    except Exception as error:  # who reads would wait for ever
        coming.put(Unwritten(number, TunesmithError("The answer could not be read.", f"{type(error).__name__}")))
        raise


def written(asked: Wanted, pieces: Sequence[Piece]) -> Written:
    """What the pieces of one answer are together."""
    answer = hidden.storable("".join(piece.text for piece in pieces))
    way: Way = next((piece.way for piece in pieces if piece.way), "chat")
    ended = next((piece.ended for piece in reversed(pieces) if piece.ended), "stop")
    number = pieces[0].candidate if pieces else 0
    warnings = [CUT] if ended == "length" else []
    if asked.action == "complete":
        gap = writing.insertion(answer, asked, way)
        if sentence := hidden.warning(gap, "The answer"):
            warnings.append(sentence)
        name, (before, behind) = asked.cursor_file or asked.main, asked.around_cursor()
        whole = {**asked.files, name: f"{before}{gap}{behind}"}
        return Written(number, answer, whole, warnings, ended, gap, (name,))
    if not asked.does.writes_code:
        sentence = hidden.warning(answer, "The answer")
        return Written(number, answer, dict(asked.files), [*warnings, *filter(None, [sentence])], ended)
    given = None if asked.action in ("write", "translate") else asked.files.get(asked.main)
    code = fences.read(answer, asked.speaks.name, _main(asked), given)
    kept = {} if asked.action == "translate" else asked.files
    if not any(languages.of_file(name) is asked.speaks for name in code.files):
        warnings.append(f"The answer has no {asked.speaks.title} code.")
    return Written(
        number, answer, {**kept, **code.files}, [*warnings, *code.warnings], ended, changed=tuple(code.files)
    )


CUT = "The answer was cut: it reached `max_tokens`."


def _main(asked: Wanted) -> str:
    """What a block without a name is called: the file that was given, or its tests."""
    if asked.action == "translate" or not asked.files:
        return asked.speaks.main
    if asked.action == "test":
        return f"test_{asked.main.rpartition('/')[2]}"
    return asked.speaks.main if asked.action == "write" else asked.main


def tests_of(asked: Wanted, answer: Written) -> dict[str, str]:
    """The tests that an answer brought, when it was asked for tests."""
    if asked.action != "test":
        return {}
    return {name: answer.files[name] for name in answer.changed if name.endswith(".py")}


def rank(
    asked: Wanted, answers: Sequence[Written], run_in: Runner, tests: Mapping[str, str] | None = None
) -> list[Ranked]:
    """Candidates, the best first: works, then the share of tests that pass, then the order given.

    `tests` are files by names; without them the main file is run, or the tests that an answer was asked for. The same
    code runs once. Raises RefusedError for a language that does not run here, and what the sandbox raises.
    """
    running.check(asked.speaks.name)
    seen: dict[tuple[tuple[str, str], ...], int] = {}
    first = {answer.candidate: seen.setdefault(_key(answer), answer.candidate) for answer in answers}
    with ThreadPoolExecutor(AT_ONCE, "rank") as pool:
        runs = {
            answer.candidate: pool.submit(running.run, answer.files, run_in, tests or tests_of(asked, answer))
            for answer in answers
            if first[answer.candidate] == answer.candidate and answer.changed and has_code(answer.files)
        }
        outcomes = {number: run.result() for number, run in runs.items()}
    by_number = {number: outcomes.get(same, EMPTY) for number, same in first.items()}
    ordered = sorted(by_number, key=lambda number: _worth(by_number[number]), reverse=True)
    return [
        Ranked(number, place, by_number[number], None if first[number] == number else first[number])
        for place, number in enumerate(ordered, 1)
    ]


def _key(answer: Written) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(answer.files.items()))


EMPTY = Outcome(False, "There is no code to run.", "", "", None, 0.0, 0, False, "")


def has_code(files: Mapping[str, str]) -> bool:
    """Whether there is a Python file to run."""
    return any(name.endswith(".py") and not wanted.is_test(name) for name in files)


def _worth(outcome: Outcome) -> tuple[bool, float, bool]:
    share = outcome.passed / len(outcome.tests) if outcome.tests else 0.0
    return outcome.works, share, outcome.exit == 0
