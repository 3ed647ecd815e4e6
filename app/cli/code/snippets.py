"""`tunesmith snippets`: code that is kept, listed, shown, deleted and had back."""

from typing import Annotated

import typer

from app.cli.printed import as_json, say_json
from app.cli.undone import UndoId, say_undo, say_undone
from engine import hidden
from engine.code import deleting, snippets
from storage import db
from storage.tables import Snippet

COMMANDS = typer.Typer(help="Snippets of code: listed, shown, deleted, undone.", no_args_is_help=True)
SnippetId = Annotated[str, typer.Argument(metavar="SNIPPET", help="Id of the snippet.")]


@COMMANDS.command("list")
def list_snippets(
    words: Annotated[str, typer.Argument(help="Words in name, task, language or newest code.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
) -> None:
    """List snippets, the last changed first: id, language, name."""
    db.prepare()
    listed = snippets.find(words, limit)
    if as_json():
        return say_json([{"id": one.id, "name": one.name, "language": one.language} for one in listed])
    for one in listed:
        typer.echo(f"{one.id}  {one.language:<10}  {hidden.escaped(one.name)}")
    return None


@COMMANDS.command()
def show(
    snippet_id: SnippetId,
    number: Annotated[int | None, typer.Option("--version", min=1, help="The newest when left out.")] = None,
) -> None:
    """Show the files of a snippet."""
    db.prepare()
    version = snippets.version(snippet_id, number)
    if as_json():
        return say_json({"id": snippet_id, "version": version.number, "files": version.files_json})
    for name, text in version.files_json.items():
        typer.echo(f"--- {hidden.escaped(name)}\n{hidden.escaped(text)}")
    return None


@COMMANDS.command()
def delete(snippet_id: SnippetId) -> None:
    """Delete a snippet with all its versions. `undo` brings it back for half a minute."""
    db.prepare()
    say_undo("snippets", snippet_id, deleting.delete(snippet_id))


@COMMANDS.command()
def undo(undo_id: UndoId = None) -> None:
    """Bring back the snippet that was deleted last, or another one by the id that `delete` gave."""
    db.prepare()
    say_undone(Snippet, undo_id, deleting.undo)
