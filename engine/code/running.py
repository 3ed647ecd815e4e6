"""Code run in the sandbox, alone or by its tests, and what came of it in words that a model and a person understand."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from engine.code import languages, wanted
from engine.errors import RefusedError

MOST_WORDS = 20_000  # characters of output that are kept of a run; the ends matter most
DRIVER = "_run_tests.py"
_DRIVER_FILE = Path(__file__).parent / "inside" / "run_tests.py"


class Ran(Protocol):
    """What the sandbox tells of a run."""

    @property
    def stdout(self) -> str: ...
    @property
    def stderr(self) -> str: ...
    @property
    def exit(self) -> int | None: ...
    @property
    def seconds(self) -> float: ...
    @property
    def memory_bytes(self) -> int: ...
    @property
    def timed_out(self) -> bool: ...
    @property
    def contained_by(self) -> str: ...


Runner = Callable[[Mapping[str, str], str, str], Ran]  # files, the file to run, its input


@dataclass(frozen=True)
class Tested:
    """One test; `error` is empty where it passed."""

    name: str
    error: str = ""


@dataclass(frozen=True)
class Outcome:
    """A run. `works`: it ended well, and every test passed. `words`: what went wrong, for a model to mend."""

    works: bool
    words: str
    stdout: str
    stderr: str
    exit: int | None
    seconds: float
    memory_bytes: int
    timed_out: bool
    contained_by: str
    tests: list[Tested] = field(default_factory=list)

    @property
    def passed(self) -> int:
        return sum(not test.error for test in self.tests)

    def plain(self) -> dict[str, Any]:
        """As JSON has it, with `passed`."""
        return {**asdict(self), "passed": self.passed}


def check(language: str) -> None:
    """Raises RefusedError for a language that cannot run here."""
    if languages.named(language).name != "python":
        raise RefusedError(f"{languages.named(language).title} does not run here.", "Only Python runs in the sandbox.")


def run(files: Mapping[str, str], run_in: Runner, tests: Mapping[str, str] | None = None, stdin: str = "") -> Outcome:
    """Runs the main file, or with `tests` (files by names) those against it. Raises what the sandbox raises."""
    if tests:
        return _run_tests({**files, **tests}, list(tests), run_in)
    main = wanted.entry(files, languages.LANGUAGES["python"])
    ran = run_in(files, main, stdin)
    return _outcome(ran, _words(ran), ran.stdout)


def _run_tests(files: Mapping[str, str], names: list[str], run_in: Runner) -> Outcome:
    mark = f"report-{secrets.token_hex(16)}"
    asked = json.dumps({"mark": mark, "files": [name for name in names if name.endswith(".py")]})
    ran = run_in({**files, DRIVER: _DRIVER_FILE.read_text(encoding="utf-8")}, DRIVER, f"{asked}\n")
    tests, printed = _report(ran.stdout, mark)
    if tests is None:
        words = _words(ran) or "The tests ended the program before their end."
        return _outcome(ran, words, printed)
    failed = [test for test in tests if test.error]
    return _outcome(ran, "\n\n".join(f"{test.name} failed:\n{test.error}" for test in failed[:5]), printed, tests)


def _report(stdout: str, mark: str) -> tuple[list[Tested] | None, str]:
    """The tests, and what was printed before their report; None when there is no report."""
    printed, _, rest = stdout.rpartition(f"\n{mark} ")
    try:
        return [Tested(str(test["name"]), str(test["error"])) for test in json.loads(rest.partition("\n")[0])], printed
    except (ValueError, TypeError, KeyError):
        return None, stdout


def _words(ran: Ran) -> str:
    """What went wrong; empty when nothing did."""
    if ran.timed_out:
        return f"{ran.stderr[-2000:]}\nIt did not end within {ran.seconds:.0f} seconds.".strip()
    if ran.exit == 0:
        return ""
    return ran.stderr.strip()[-MOST_WORDS:] or f"It ended with exit code {ran.exit}."


def _outcome(ran: Ran, words: str, stdout: str, tests: Sequence[Tested] = ()) -> Outcome:
    return Outcome(
        works=not words and not ran.timed_out,
        words=words,
        stdout=stdout[-MOST_WORDS:],
        stderr=ran.stderr[-MOST_WORDS:],
        exit=ran.exit,
        seconds=ran.seconds,
        memory_bytes=ran.memory_bytes,
        timed_out=ran.timed_out,
        contained_by=ran.contained_by,
        tests=list(tests),
    )
