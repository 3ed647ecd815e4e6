"""`tunesmith exports`: what was made to be taken away, listed, shown, pushed to the hub, deleted."""

from typing import Annotated, Any

import typer

from app.cli.called import RUN
from app.cli.completion import names
from app.cli.printed import answer, answer_list
from engine import sizes
from engine.exports import exports
from storage import db
from storage import exports as stored

COMMANDS = typer.Typer(help="Exports: listed, shown, deleted. `export` makes one.", no_args_is_help=True)
ExportId = Annotated[str, typer.Argument(metavar="EXPORT", help="Its id.", autocompletion=names.of("export"))]


@COMMANDS.command("list")
def list_exports(
    run: Annotated[str | None, typer.Option("--run", help="Only those of this run.", **RUN)] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of the newest.")] = 20,
) -> None:
    """List exports, the newest first: id, status, kind, size, of what."""
    db.prepare()
    with db.reading() as session:
        rows = stored.recent(session, run, limit)
    answer_list([exports.describe(*row) for row in rows], _line, "There are no exports.")


@COMMANDS.command()
def show(export: ExportId) -> None:
    """Show an export: how far it is, how large, how exact, and its folder."""
    db.prepare()
    described = exports.describe(*exports.look_up(export))
    more = [described["stage"], described["error"], described["hint"], described["folder"], *described["notes"]]
    answer(described, "\n".join([_line(described), *(str(words) for words in more if words)]))


@COMMANDS.command()
def delete(export: ExportId) -> None:
    """Delete what an export made; the run keeps what it left itself."""
    db.prepare()
    exports.delete(export)
    answer({"id": export, "deleted": True}, "It is deleted.")


def _line(described: dict[str, Any]) -> str:
    size = "-" if described["size_bytes"] is None else sizes.in_words(described["size_bytes"])
    return f"{described['id']}  {described['status']:<10} {described['kind']:<8} {size:>9}  {described['subject']}"
