"""`tunesmith evaluations`: what was compared, listed, shown row by row, tagged, saved, stopped, deleted."""

from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from app.cli.called import PROJECT, EvaluationName
from app.cli.evaluate import show as show_result
from app.cli.printed import answer, answer_list, as_json
from app.cli.undone import UndoId, say_undo, say_undone
from engine.errors import RefusedError
from engine.evaluate import as_html, asked_rows, comparison, deleting, evaluations
from storage import db
from storage.evaluations import Filter
from storage.tables import Evaluation

COMMANDS = typer.Typer(
    help="Evaluations: listed, shown, tagged, saved, stopped, deleted, undone.", no_args_is_help=True
)
FILES = (".html", ".csv", ".json")
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")]


@COMMANDS.command("list")
def list_evaluations(
    words: Annotated[str, typer.Argument(help="Words in the name or in what is compared.")] = "",
    project: Annotated[str | None, typer.Option("--project", help="Only of this project.", **PROJECT)] = None,
    tag: Annotated[str, typer.Option(help="Only those with this tag.")] = "",
    limit: Limit = 20,
) -> None:
    """List evaluations, reports on runs among them, the newest first: id, status, name."""
    db.prepare()
    rows, _ = evaluations.recent(Filter(project, words, tag), limit)
    answer_list(evaluations.describe_all(rows), _line, "There are no evaluations.")


@COMMANDS.command()
def show(evaluation_id: EvaluationName) -> None:
    """Show what an evaluation found, or how far it is."""
    row = evaluations.look_up(evaluation_id)
    if as_json() or row.status != "succeeded":
        described = evaluations.describe(row)
        return answer(described, "\n".join(filter(None, (_line(described), row.error, row.hint))))
    return show_result(evaluations.result(row))


@COMMANDS.command()
def rows(
    evaluation_id: EvaluationName,
    change: Annotated[str, typer.Option(metavar="|".join(get_args(asked_rows.Change)), help="Which rows.")] = "all",
    search: Annotated[str, typer.Option(metavar="WORDS", help="Only rows with these words.")] = "",
    offset: Annotated[int, typer.Option(min=0, help="How many to skip.")] = 0,
    limit: Limit = 20,
) -> None:
    """Show the rows that were asked with both answers, those that lost most first."""
    if change not in get_args(asked_rows.Change):
        raise RefusedError(
            f"`{change:.40}` is not a kind of change.", f"Use one of {', '.join(get_args(asked_rows.Change))}."
        )
    page = asked_rows.page(evaluations.look_up(evaluation_id), change, search, offset, limit)  # type: ignore[arg-type]
    answer_list([dict(row) for row in page.rows], _row, "There are no such rows.")


@COMMANDS.command()
def tag(
    evaluation_id: EvaluationName,
    tags: Annotated[list[str] | None, typer.Argument(metavar="TAG...", help="None: it has no tags any more.")] = None,
) -> None:
    """Give an evaluation these tags and no others."""
    tagged = evaluations.tag(evaluation_id, tags or [])
    answer(evaluations.describe(tagged), f"{tagged.name}: {', '.join(tagged.tags) or 'no tags'}")


@COMMANDS.command()
def save(
    evaluation_id: EvaluationName,
    to: Annotated[Path, typer.Argument(metavar="FILE", help="A new file that ends in .html, .csv or .json.")],
) -> None:
    """Write an evaluation to a file: a page to read, a line for each metric, or everything."""
    if to.suffix not in FILES or to.exists():
        problem = "is there already" if to.exists() else f"ends in none of {', '.join(FILES)}"
        raise RefusedError(f"{to} {problem}.", "Choose another name.")
    described = evaluations.describe(evaluations.look_up(evaluation_id))
    match to.suffix:
        case ".csv":
            text = comparison.as_csv([described])
        case ".json":
            text = comparison.as_json(described)
        case _:
            text = as_html.document([(described["name"], described["result"])])
    to.write_text(text, encoding="utf-8")
    answer({"path": str(to), "bytes": to.stat().st_size}, f"Written to {to}.")


@COMMANDS.command()
def stop(evaluation_id: EvaluationName) -> None:
    """Stop an evaluation. Answers that were written are kept: asked for again, it goes on with them."""
    stopped = evaluations.stop(evaluation_id)
    answer(evaluations.describe(stopped), f"evaluation {stopped.status}")


@COMMANDS.command()
def delete(evaluation_id: EvaluationName) -> None:
    """Delete an evaluation; `undo` brings it back for half a minute. A run's first report goes with its run alone."""
    say_undo("evaluations", evaluation_id, deleting.delete(evaluation_id))


@COMMANDS.command()
def undo(undo_id: UndoId = None) -> None:
    """Bring back the evaluation that was deleted last, or another one by the id that `delete` gave."""
    db.prepare()
    say_undone(Evaluation, undo_id, deleting.undo)


def _line(described: dict[str, Any]) -> str:
    tags = "".join(f"  #{tag}" for tag in described["tags"])
    stage = f"  {described['stage']}" if described["stage"] and described["status"] in ("queued", "running") else ""
    verdict = f"  {sentence}" if (sentence := (described["result"] or {}).get("sentence")) else ""
    return f"{described['id']}  {described['status']:<10} {described['name']}{tags}{stage}{verdict}"


def _row(row: dict[str, Any]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in row.items() if value not in (None, "", [], {})) + "\n"
