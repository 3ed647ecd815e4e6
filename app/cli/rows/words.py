"""What people write on datasets and models, on the command line: name, tags, description. One way for both."""

from typing import Annotated

import typer

from engine.errors import RefusedError
from engine.listed import Change

NewName = Annotated[str | None, typer.Option("--name", help="Another name.")]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", help="A tag; repeatable, in place of those there are. Empty: none.")
]
Description = Annotated[str | None, typer.Option("--description", help="What it is, in a few words.")]


def asked(name: str | None, tags: list[str] | None, description: str | None) -> Change:
    """The change. Raises RefusedError where nothing is to be changed."""
    if name is None and not tags and description is None:
        raise RefusedError("Nothing is to be changed.", "Give --name, --tag or --description.")
    return Change(name, [tag for tag in tags if tag] if tags else None, description)
