"""`tunesmith data`, with all that is below it: words, checks, rows added and edited, what the hub has."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import running_studio
from app.cli.called import DatasetName
from app.cli.data import Limit, Offset, facts, follow
from app.cli.printed import answer, answer_list
from app.cli.rows.words import Description, NewName, Tags, asked
from app.cli.shape import COMMANDS as COMMANDS
from engine.data import datasets, health, health_choices, hub, lineage, listing, shape
from engine.errors import RefusedError
from storage import db

Check = Annotated[str, typer.Argument(help="The check, as `data health --json` names it.")]


@COMMANDS.command()
def change(dataset_id: DatasetName, name: NewName = None, tags: Tags = None, description: Description = None) -> None:
    """Give a dataset, with all its versions, another name, other tags or a description."""
    changed = listing.change(dataset_id, asked(name, tags, description))
    answer(facts(changed) | {"tags": changed.tags, "description": changed.description}, f"{changed.id}  {changed.name}")


@COMMANDS.command()
def cancel(dataset_id: DatasetName) -> None:
    """End an import that is under way."""
    cancelled = datasets.cancel_import(dataset_id)
    answer(facts(cancelled), f"dataset {cancelled.status}")


@COMMANDS.command("lineage")
def show_lineage(dataset_id: DatasetName) -> None:
    """Show what a dataset was made from, and how, back to its sources."""
    tree = lineage.lineage(dataset_id).model_dump(mode="json")
    answer(tree, "\n".join(_branches(tree)))


def _branches(node: dict[str, Any], depth: int = 0) -> list[str]:
    words = [str(node[name]) for name in ("id", "name", "words") if node.get(name)]
    return ["  " * depth + "  ".join(words)] + [
        line for parent in node.get("parents", []) for line in _branches(parent, depth + 1)
    ]


@COMMANDS.command()
def statistics(dataset_id: DatasetName) -> None:
    """Show lengths, turns, roles and languages, as the last `data health` found them."""
    told = health.report(dataset_id).statistics
    if told is None:
        raise RefusedError("This dataset has not been checked yet.", f"tunesmith data health {dataset_id}")
    answer(told, json.dumps(told, indent=2, default=str))


@COMMANDS.command()
def found(dataset_id: DatasetName, check: Check, offset: Offset = 0, limit: Limit = 20) -> None:
    """Show the rows that a check found, with their places."""
    rows = [asdict(row) for row in health.rows(dataset_id, check, offset, limit)]
    answer_list(rows, lambda row: json.dumps(row, ensure_ascii=False, default=str), "It found no rows.")


@COMMANDS.command()
def fix(
    dataset_id: DatasetName,
    check: Check,
    row: Annotated[list[int] | None, typer.Option(min=0, help="Only the row at this place; repeatable.")] = None,
) -> None:
    """Fix what a check found: a new version without those rows, or with their texts changed."""
    with running_studio.engine(True):
        made = follow(health.fix(dataset_id, check, row or None))
    answer(facts(made))


@COMMANDS.command()
def ignore(
    dataset_id: DatasetName, check: Check, off: Annotated[bool, typer.Option("--off", help="Count it again.")] = False
) -> None:
    """Leave what a check found out of the score, or count it again."""
    health_choices.ignore(dataset_id, check, not off)
    score = health.report(dataset_id).score
    answer({"check": check, "ignored": not off, "score": score}, f"score {'-' if score is None else score}")


@COMMANDS.command()
def add(
    dataset_id: DatasetName, file: Annotated[Path, typer.Argument(metavar="ROWS.jsonl", help="A row a line.")]
) -> None:
    """Add rows: a new version with them at its end. For many rows, `import` and `merge`."""
    rows = [_object(line) for line in _text(file).splitlines() if line.strip()]
    with running_studio.engine(True):
        made = follow(shape.add_rows(dataset_id, rows))
    answer(facts(made))


@COMMANDS.command()
def edit(
    dataset_id: DatasetName,
    position: Annotated[int, typer.Argument(min=0, help="Its place, counted from 0.")],
    values: Annotated[str, typer.Argument(metavar="JSON", help='New values, such as {"prompt": "Hello?"}.')],
) -> None:
    """Edit a row: a new version in which it has other values."""
    with running_studio.engine(True):
        made = follow(shape.edit_row(dataset_id, position, _object(values)))
    answer(facts(made))


@COMMANDS.command()
def look(
    hub_id: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="A dataset of the hub.")],
) -> None:
    """Say which configurations and splits a dataset of the hub has to choose from."""
    db.prepare()
    with running_studio.engine(True):
        seen = hub.look(hub_id, seconds=60)
    answer(seen, json.dumps(seen, indent=2, default=str))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"{file} cannot be read: {error}."[:300], "Name a text file of rows.") from error


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise RefusedError(f"{text[:60]!r} is not a JSON object.", 'Write one such as {"prompt": "Hello?"}.')
    return value
