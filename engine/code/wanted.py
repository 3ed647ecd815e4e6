"""What is asked of a model about code, and whether it can be asked."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine import hidden
from engine.code import file_names, languages
from engine.code.actions import ACTIONS, Action
from engine.code.languages import Language
from engine.errors import RefusedError

MOST_TASK = 20_000  # characters
MOST_ERROR = 1_000_000  # of what went wrong; the end of it is shown
MOST_TOKENS = 32_768


@dataclass(frozen=True)
class Wanted:
    """One question. `cursor` counts characters (code points) of `cursor_file`, the main file when that is empty."""

    task: str
    language: str
    files: Mapping[str, str]
    model: str  # a name on /v1
    action: str = "write"
    language2: str = ""  # what to translate to
    error: str = ""  # what the code said when it went wrong
    cursor: int | None = None  # of `complete`; the end of the file when it is None
    cursor_file: str = ""
    temperature: float = 0.2
    max_tokens: int = 1024
    seed: int | None = None

    @property
    def does(self) -> Action:
        return ACTIONS[self.action]

    @property
    def speaks(self) -> Language:
        """The language of the answer's code."""
        return languages.named(self.language2 if self.action == "translate" else self.language)

    @property
    def main(self) -> str:
        """The file that is run, and that a cursor is in."""
        return entry(self.files, languages.named(self.language))

    def around_cursor(self) -> tuple[str, str]:
        """What is before the cursor and what is behind it."""
        text = self.files[self.cursor_file or self.main]
        place = len(text) if self.cursor is None else self.cursor
        return text[:place], text[place:]


def entry(files: Mapping[str, str], language: Language) -> str:
    """The file to run: main.py where there is one, else the first of the language that holds no tests."""
    if language.main in files or not files:
        return language.main
    same = [name for name in files if languages.of_file(name) is language] or list(files)
    return next((name for name in same if not is_test(name)), same[0])


def is_test(name: str) -> bool:
    """Whether a file holds tests, by the names that test runners look for."""
    stem = name.rpartition("/")[2].partition(".")[0]
    return stem == "tests" or stem.startswith("test_") or stem.endswith(("_test", "_tests"))


def checked(request: Wanted) -> Wanted:
    """The same, if it can be asked. Raises RefusedError, which names what is wrong."""
    if request.action not in ACTIONS:
        raise RefusedError(f"There is no action `{request.action[:60]}`.", f"Use one of: {', '.join(ACTIONS)}.")
    languages.named(request.language)
    if not request.model.strip():
        raise RefusedError("No model is chosen.", "Choose a served model; the Serve page starts one.")
    file_names.checked(dict(request.files))
    _check_texts(request)
    _check_needs(request)
    _check_numbers(request)
    return request


def _check_texts(request: Wanted) -> None:
    for name, text, most in (("task", request.task, MOST_TASK), ("error", request.error, MOST_ERROR)):
        if len(text) > most:
            raise RefusedError(f"The {name} has {len(text):,} characters.", f"Use at most {most:,}.")
        if hidden.storable(text) != text:
            raise RefusedError(f"The {name} holds U+0000 or half a character.", "Write it again.")


def _check_needs(request: Wanted) -> None:
    title = request.does.title
    if "task" in request.does.needs and not request.task.strip():
        raise RefusedError("The task is empty.", "Say in words what the code should do.")
    if "code" in request.does.needs and not any(text.strip() for text in request.files.values()):
        raise RefusedError(f"`{title}` needs code, and there is none.", "Write or paste the code first.")
    if "language2" in request.does.needs:
        if not request.language2:
            raise RefusedError("No language to translate to is chosen.", f"One of: {', '.join(languages.LANGUAGES)}.")
        languages.named(request.language2)


def _check_numbers(request: Wanted) -> None:
    if not 0 <= request.temperature <= 2:
        raise RefusedError(f"`temperature` is {request.temperature:g}.", "Use 0 to 2.")
    if not 1 <= request.max_tokens <= MOST_TOKENS:
        raise RefusedError(f"`max_tokens` is {request.max_tokens}.", f"Use 1 to {MOST_TOKENS:,}.")
    if request.action != "complete":
        return
    name = request.cursor_file or request.main
    if name not in request.files:
        there = ", ".join(request.files)[:200]
        raise RefusedError(f"The cursor is in `{hidden.escaped(name)[:80]}`, which is not given.", f"Files: {there}.")
    if request.cursor is not None and not 0 <= request.cursor <= len(request.files[name]):
        raise RefusedError(
            f"`cursor` is {request.cursor}, and `{name}` has {len(request.files[name]):,} characters.",
            "It counts characters from the start of the file.",
        )
