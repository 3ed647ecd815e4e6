"""What a command prints: words for people, or with `--json` one value for programs.

Every command gets `--json` here, by `answering`; none declares it. A command says what it does by `say`, and hands what
came of it to `answer`, once. With `--json` the value alone is on the standard output and the words on the other one;
with `--follow` besides, each change is a JSON value on a line of its own, and the last one is the end.
"""

import inspect
import sys
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any

import orjson
import typer
from pydantic import BaseModel

from engine import hidden

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")]
FOLLOWS = ("follow", "watch")  # options of commands that go on until something is over


@dataclass
class _Asked:
    """JSON was asked for: one value, or a value a line."""

    lines: bool


_asked: ContextVar[_Asked | None] = ContextVar("json", default=None)


def answering(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with `--json` as a further option; as it is where it has got it already."""
    signature = inspect.signature(command)
    if "as_json" in signature.parameters:
        return command
    option = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=AsJson)

    @wraps(command)
    def run(*, as_json: bool = False, **values: Any) -> Any:
        asked = _Asked(any(values.get(name) for name in FOLLOWS)) if as_json else None
        token = _asked.set(asked)
        try:
            return command(**values)
        finally:
            _asked.reset(token)

    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), option])  # type: ignore[attr-defined]
    run.__annotations__ = {**command.__annotations__, "as_json": AsJson}
    return run


def answer_all(commands: typer.Typer) -> None:
    """Every command of a group, and of the groups in it, gets `--json`."""
    for command in commands.registered_commands:
        command.callback = command.callback and answering(command.callback)
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            answer_all(group.typer_instance)


def as_json() -> bool:
    """Whether the command that runs was given `--json`."""
    return _asked.get() is not None


def follow_as_lines() -> None:
    """The command that runs follows something, without an option that says so."""
    if now := _asked.get():
        now.lines = True


def say(words: str, err: bool = False) -> None:
    """Words for people: on the standard output, with `--json` on the other one. What a terminal obeys is shown."""
    typer.echo(hidden.escaped(words), err=err or as_json())


def say_text(text: str, err: bool = False) -> None:
    """A text without an end of line: a terminal is shown what it would obey, a file or a pipe gets what there is."""
    stream = sys.stderr if err else sys.stdout
    typer.echo(hidden.escaped(text) if stream.isatty() else text, nl=False, err=err, color=True)


def answer(value: Any, words: str = "") -> None:
    """What came of a command: with `--json` the value, else the words, if there are any."""
    now = _asked.get()
    if now is not None:
        say_json(value, now.lines)
    elif words:
        say(words)


def answer_list(values: Sequence[Any], line: Callable[[Any], str], none: str) -> None:
    """A list: with `--json` the values, else a line each, or what is said where there is none."""
    answer(values, "\n".join(line(value) for value in values) or none)


def change(value: Any) -> bool:
    """How far something is: a line, where `--json` and `--follow` were asked for; else nothing. Whether it was said."""
    now = _asked.get()
    if now is None or not now.lines:
        return False
    say_json(value, on_a_line=True)
    return True


def say_json(value: Any, on_a_line: bool = False) -> None:
    """One JSON text of plain values, dataclasses and pydantic's models, indented or on a line. NaN is null."""
    options = orjson.OPT_NON_STR_KEYS | (0 if on_a_line else orjson.OPT_INDENT_2)
    typer.echo(orjson.dumps(value, default=_plain, option=options).decode())


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)
