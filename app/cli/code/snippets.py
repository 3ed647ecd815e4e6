"""`tunesmith snippets`: code kept under a name: listed, shown, kept, renamed, compared, taken away, deleted."""

from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.called import PROJECT, ProjectName, SnippetName
from app.cli.printed import answer, answer_list
from app.cli.undone import UndoId, say_undo, say_undone
from engine.code import deleting, snippets
from engine.errors import RefusedError
from storage import db
from storage.tables import DEFAULT_PROJECT, Snippet

COMMANDS = typer.Typer(
    help="Snippets of code: listed, shown, kept, renamed, compared, deleted, undone.", no_args_is_help=True
)
SHOWN = ("id", "project_id", "name", "language", "task", "created_at", "updated_at")
Number = Annotated[int | None, typer.Option("--version", min=1, help="A version; the newest when left out.")]
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Text files, by their names.")]


@COMMANDS.command("list")
def list_snippets(
    words: Annotated[str, typer.Argument(help="Words in the name, the task or the code.")] = "",
    project: Annotated[str | None, typer.Option("--project", help="Only of this project.", **PROJECT)] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
) -> None:
    """List snippets, the last changed first: id, language, name, number of the newest version."""
    db.prepare()
    listed = snippets.find(words, limit, 0, project)
    newest = snippets.newest_numbers([snippet.id for snippet in listed])
    facts = [_facts(snippet) | {"newest": newest.get(snippet.id, 0)} for snippet in listed]
    answer_list(facts, _line, "There are no snippets.")


@COMMANDS.command()
def show(snippet_id: SnippetName, version: Number = None) -> None:
    """Print the files of a snippet."""
    kept = snippets.version(snippet_id, version)
    facts = _facts(snippets.get(snippet_id)) | {"number": kept.number, "files": kept.files_json, "note": kept.note}
    texts = kept.files_json.items()
    answer(facts, "\n".join(text if len(texts) == 1 else f"## {name}\n\n{text}" for name, text in texts))


@COMMANDS.command()
def versions(snippet_id: SnippetName) -> None:
    """List the versions of a snippet, the newest first."""
    listed = [vars(line) for line in snippets.versions(snippet_id)]
    answer_list(listed, lambda one: f"{one['number']:>4}  {one.get('note') or ''}".rstrip(), "There is no version.")


@COMMANDS.command()
def keep(
    name: Annotated[str, typer.Argument(help="The name of a new snippet.")],
    files: Files,
    language: Annotated[str, typer.Option(help="Such as python.")] = "python",
    project: ProjectName = DEFAULT_PROJECT,
) -> None:
    """Keep files as a new snippet."""
    db.prepare()
    made = snippets.create(name, language, "", _texts(files), project)
    answer(_facts(made), f"{made.id}  {made.name}")


@COMMANDS.command()
def update(
    snippet_id: SnippetName, files: Files, note: Annotated[str, typer.Option(help="What has changed.")] = ""
) -> None:
    """Keep files as the next version of a snippet. The same files again make none."""
    version = snippets.save_version(snippet_id, _texts(files), note=note)
    answer({"id": snippet_id, "number": version.number}, f"version {version.number}")


@COMMANDS.command()
def rename(snippet_id: SnippetName, name: Annotated[str, typer.Argument(help="The new name.")]) -> None:
    """Give a snippet another name."""
    renamed = snippets.rename(snippet_id, name)
    answer(_facts(renamed), f"{renamed.id}  {renamed.name}")


@COMMANDS.command()
def diff(
    snippet_id: SnippetName,
    before: Annotated[int, typer.Argument(min=1, help="Number of a version.")],
    after: Annotated[int, typer.Argument(min=1, help="Number of another one.")],
) -> None:
    """Show what differs between two versions."""
    text = snippets.diff(snippet_id, before, after)
    answer({"diff": text}, text.rstrip("\n") or "Nothing differs.")


@COMMANDS.command()
def save(
    snippet_id: SnippetName,
    to: Annotated[Path, typer.Argument(metavar="FILE.zip", help="A new file.")],
    version: Number = None,
) -> None:
    """Write all files of a snippet to a zip archive."""
    if to.suffix != ".zip" or to.exists():
        problem = "is there already" if to.exists() else "does not end in .zip"
        raise RefusedError(f"{to} {problem}.", "Choose another name.")
    to.write_bytes(snippets.archive(snippet_id, version))
    answer({"path": str(to), "bytes": to.stat().st_size}, f"Written to {to}.")


@COMMANDS.command()
def delete(snippet_id: SnippetName) -> None:
    """Delete a snippet with all its versions. `undo` brings it back for half a minute."""
    say_undo("snippets", snippet_id, deleting.delete(snippet_id))


@COMMANDS.command()
def undo(undo_id: UndoId = None) -> None:
    """Bring back the snippet that was deleted last, or another one by the id that `delete` gave."""
    db.prepare()
    say_undone(Snippet, undo_id, deleting.undo)


def _texts(files: list[Path]) -> dict[str, str]:
    try:
        return {path.name: path.read_text(encoding="utf-8") for path in files}
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"The files cannot be read: {error}."[:300], "Name text files.") from error


def _facts(snippet: Snippet) -> dict[str, Any]:
    return {name: getattr(snippet, name) for name in SHOWN}


def _line(facts: dict[str, Any]) -> str:
    return f"{facts['id']}  {facts['language']:<10} {facts['name']}  version {facts['newest']}"
