"""`tunesmith data`, the commands that make other datasets or files of one, check it or delete it."""

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import running_studio
from app.cli.called import DATASET, DatasetName
from app.cli.data import Limit, Name, commands, facts, follow, follow_work, say_row
from app.cli.printed import answer, as_json, say, say_json
from app.cli.undone import UndoId, say_undo, say_undone
from engine.data import datasets, deleting, export, health, lineage, shape
from engine.data import hub as hub_data
from engine.errors import RefusedError
from engine.rows.export import file as export_file
from storage import db
from storage.tables import Dataset

COMMANDS = commands  # those of app.cli.data, with the ones below

Seed = Annotated[int, typer.Option("--seed", min=0, help="Another seed chooses in another way.")]
Ids = Annotated[list[str], typer.Argument(help="The datasets, two or more.", **DATASET)]


def _changed(dataset_id: str, operation: dict[str, Any], name: str = "") -> list[dict[str, Any]]:
    """What was made, when all of it is there."""
    with running_studio.engine(True):
        return [facts(follow(version)) for version in shape.change(dataset_id, operation, name)]


@commands.command()
def split(
    dataset_id: DatasetName,
    test: Annotated[float, typer.Option(min=0.001, max=0.999, help="Share of the rows that become the test.")] = 0.1,
    column: Annotated[str, typer.Option(help="Split by the values of this column instead, one dataset each.")] = "",
    seed: Seed = 42,
    name: Name = "",
) -> None:
    """Divide a dataset into train and test by content, or by a column. The same row always goes to the same side."""
    if not column:
        sides = [{"name": "train", "share": 1 - test}, {"name": "test", "share": test}]
        return answer(_changed(dataset_id, {"op": "split", "sides": sides, "seed": seed}, name))
    with running_studio.engine(True):
        made = [facts(follow(part)) for part in shape.split_by_column(dataset_id, column)]
    return answer(made)


@commands.command()
def sample(
    dataset_id: DatasetName,
    rows: Annotated[int | None, typer.Option(min=1, help="How many rows to keep.")] = None,
    share: Annotated[float | None, typer.Option(min=0, max=1, help="Or which share, such as 0.1.")] = None,
    seed: Seed = 42,
    name: Name = "",
) -> None:
    """Keep some rows, chosen by chance, as a dataset of its own."""
    answer(_changed(dataset_id, {"op": "sample", "rows": rows, "share": share, "seed": seed}, name)[0])


@commands.command(name="filter")
def sift(
    dataset_id: DatasetName,
    contains: Annotated[str, typer.Option(help="Rows that have these words.")] = "",
    matches: Annotated[str, typer.Option(help="Rows that match this regular expression (RE2).")] = "",
    where: Annotated[str, typer.Option(help="Where to look: anywhere, question, answer or system.")] = "anywhere",
    drop: Annotated[bool, typer.Option("--drop", help="Leave these rows out, instead of keeping only them.")] = False,
) -> None:
    """Keep (or drop) the rows that meet conditions; makes the next version of the dataset."""
    conditions = [{"test": "contains", "text": contains, "where": where}] if contains else []
    conditions += [{"test": "matches", "pattern": matches, "where": where}] if matches else []
    if not conditions:
        raise RefusedError("There is nothing to filter by.", "Give --contains or --matches.")
    answer(_changed(dataset_id, {"op": "filter", "conditions": conditions, "then": "drop" if drop else "keep"})[0])


@commands.command()
def merge(
    dataset_ids: Ids,
    weights: Annotated[str, typer.Option(help="Mix by weight instead, such as 3,1: three rows to one.")] = "",
    name: Name = "",
) -> None:
    """Make one dataset of the rows of several, one after the other or mixed by weight."""
    with running_studio.engine(True):
        if not weights:
            return answer(facts(follow(shape.merge(dataset_ids, name))))
        try:
            shares = [float(weight) for weight in weights.split(",")]
        except ValueError as error:
            raise RefusedError(
                f"{weights!r} are not weights.", "Write numbers separated by commas, such as 3,1."
            ) from error
        return answer(facts(follow(shape.mix(dataset_ids, shares, name))))


@commands.command(name="export")
def export_rows(
    dataset_id: DatasetName,
    out: Annotated[Path, typer.Argument(help="File to write; its ending chooses: .jsonl, .jsonl.gz or .parquet.")],
    form: Annotated[
        str, typer.Option(help="trl, openai, sharegpt or alpaca, where the rows can be written so.")
    ] = "trl",
) -> None:
    """Write the rows to a file."""
    if out.exists():
        raise RefusedError(f"{out} exists already.", "Choose another name.")
    file: export_file.File = "parquet" if out.suffix == ".parquet" else "jsonl"
    with running_studio.engine(True):
        finished = follow_work(export.start(dataset_id, form, file, "gz" if out.suffix == ".gz" else ""))
        shutil.copyfile(export.download(dataset_id, finished.id).path, out)
    size = out.stat().st_size
    answer({"path": str(out), "size_bytes": size}, f"{out} {size:,} bytes")


@commands.command()
def push(
    dataset_id: DatasetName,
    repo: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Where on the hub; made when there is none.")],
    public: Annotated[bool, typer.Option("--public", help="Everybody may see it.")] = False,
    split_name: Annotated[str, typer.Option("--split", help="Which split these rows are.")] = "train",
) -> None:
    """Push the rows to the Hugging Face hub with the token in HF_TOKEN."""
    with running_studio.engine(True):
        pushed = follow_work(hub_data.push(dataset_id, repo, private=not public, split=split_name)).result
    if as_json():
        return say_json(pushed)
    return say_row(pushed)


@commands.command()
def diff(
    before: DatasetName,
    after: Annotated[str, typer.Argument(help="The other.", **DATASET)],
    limit: Limit = 20,
) -> None:
    """Show what differs between two datasets or versions: counts, then rows, one JSON object a line."""
    with running_studio.engine(True):
        comparison = lineage.diff(before, after, 0, limit, seconds=600)
    counts = {name: getattr(comparison, name) for name in ("changed", "added", "removed")}
    if as_json():
        return say_json(counts | {"rows": comparison.rows})
    say(f"changed {comparison.changed} added {comparison.added} removed {comparison.removed}")
    for difference in comparison.rows:
        say_row(difference.model_dump())
    return None


@commands.command()
def versions(dataset_id: DatasetName) -> None:
    """List every version of a dataset, the newest first, and how each was made."""
    db.prepare()
    if as_json():
        return say_json([facts(row) | {"made": lineage.words(row)} for row in lineage.versions(dataset_id)])
    for version in lineage.versions(dataset_id):
        mark = "*" if version.id == datasets.look_up(dataset_id).id else " "
        say(f"{mark} {version.id}  version {version.version}  {version.train_rows:>9,} rows  {lineage.words(version)}")
    return None


@commands.command(name="health")
def check_health(
    dataset_id: DatasetName,
    against: Annotated[
        list[str] | None,
        typer.Option(help="A dataset to look for leakage into; repeatable.", **DATASET),
    ] = None,
) -> None:
    """Check for duplicates, leakage, empty answers, outliers, personal data and more; print the score and its parts."""
    with running_studio.engine(True):
        follow_work(health.start(dataset_id, against))
        report = health.report(dataset_id)
    if as_json():
        return say_json({"score": report.score, "parts": report.parts})
    say(f"score {report.score} of 100")
    for part in report.parts:
        if part.applies:
            say(f"  {part.check:<18} {part.found:>9,} rows  -{part.points:g}  {part.note}".rstrip())
    return None


@commands.command()
def delete(dataset_id: DatasetName) -> None:
    """Delete a dataset. Refused while a run uses it. `undo` brings it back for half a minute."""
    db.prepare()
    say_undo("data", dataset_id, datasets.delete_dataset(dataset_id))


@commands.command()
def undo(undo_id: UndoId = None) -> None:
    """Bring back what was deleted in the last half minute."""
    db.prepare()
    say_undone(Dataset, undo_id, deleting.undo)
