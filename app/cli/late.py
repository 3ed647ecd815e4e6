"""Commands whose programs are imported when they are called: the list of all commands shows within a second."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True)
class Late:
    """Where a command is, or a group of them, and what the list says of it: the first paragraph of its own help."""

    module: str  # in app.cli
    name: str  # of a function, or of a Typer
    help: str
    hidden: bool = False  # another spelling, which works and is not listed
    has_json: bool = True


class Listed(TyperCommand):
    """A command in the list."""

    def __init__(self, name: str, late: Late) -> None:
        super().__init__(name, help=late.help, hidden=late.hidden)
        self._late = late

    def loaded(self) -> Any:
        """The command itself."""
        command = getattr(import_module(f"app.cli.{self._late.module}"), self._late.name)
        printed: Any = import_module("app.cli.printed")
        around = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        around.callback()(_nothing)  # so that it is a group
        if isinstance(command, typer.Typer):
            printed.answer_all(command)
            around.add_typer(command, name=self.name)
        else:
            around.command(self.name)(printed.answering(command) if self._late.has_json else command)
        group: Any = typer.main.get_command(around)
        return group.commands[self.name]


def group_of(late: Mapping[str, Late]) -> type[TyperGroup]:
    """A group of such commands, for `typer.Typer(cls=...)`. What is added to it in the usual way comes after them."""

    class Group(TyperGroup):
        def __init__(self, *, commands: Any = None, **settings: Any) -> None:
            listed = {name: Listed(name, one) for name, one in late.items()}
            super().__init__(commands={**listed, **(commands or {})}, **settings)

        def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
            name, command, rest = super().resolve_command(ctx, args)
            if not isinstance(command, Listed):
                return name, command, rest
            quick = _quick(args, command) if ctx.resilient_parsing else None  # a shell asks what could be typed
            return name, quick or command.loaded(), rest

    return Group


def _quick(words: list[str], command: Listed) -> Any:
    quick: Any = import_module("app.cli.completion.quick")
    return quick.stand_in(words, command)


def _nothing() -> None:
    pass
