"""`tunesmith import` and `tunesmith data`: datasets brought in, looked at and mapped. Changes are in app.cli.shape."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import running_studio
from app.cli.called import MODEL, PROJECT, DatasetName, ProjectName
from app.cli.printed import answer, as_json, say, say_json, say_text
from engine.data import datasets, importing, mappings, named_sources, search, tokens
from engine.errors import RefusedError, TunesmithError
from engine.process import work
from engine.rows.mapping.mapping import Mapping, kind_of, parse
from engine.rows.verdict import REPAIRS
from storage import datasets as stored
from storage import db
from storage.statuses import WORK_MOVING, DatasetStatus, WorkStatus
from storage.tables import DEFAULT_PROJECT, Dataset, Work

commands = typer.Typer(help="Datasets: looked at, mapped, checked, changed, exported.", no_args_is_help=True)

Name = Annotated[str, typer.Option("--name", help="What lists show; made up when left out.")]
Offset = Annotated[int, typer.Option("--offset", min=0, help="How many to skip from the start.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many to show at most.")]
Parts = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="PART=COLUMN", help="Which column is which part, such as prompt=Frage; repeatable."),
]
Roles = Annotated[
    list[str] | None,
    typer.Option("--role", metavar="NAME=ROLE", help="What a role of the file means, such as customer=user."),
]
Kind = Annotated[str, typer.Option("--kind", help="What the rows become, where the parts leave a choice.")]
Encoding = Annotated[
    str | None,
    typer.Option("--encoding", metavar="NAME", help="The encoding of the text, such as cp949; found when left out."),
]
Keys = Annotated[str, typer.Option("--keys", metavar="WHO,WHAT", help="Keys of a turn, such as speaker,said.")]
SHOWN = ("id", "project_id", "name", "version", "status", "kind", "format", "source", "source_name", "rows",
         "accepted", "repaired", "rejected", "train_rows", "size_bytes", "error", "hint", "created_at")  # fmt: skip


def import_files(  # noqa: PLR0913  (one argument for each option)
    files: Annotated[list[Path] | None, typer.Argument(help="Files, or one folder, that become one dataset.")] = None,
    name: Name = "",
    project: ProjectName = DEFAULT_PROJECT,
    hub: Annotated[str, typer.Option("--hub", metavar="ID[:CONFIG[:SPLIT]]", help="A dataset of the hub.")] = "",
    parts: Parts = None,
    roles: Roles = None,
    encoding: Encoding = None,
) -> None:
    """Import files, a folder or a dataset of the hub into one dataset, and wait until every row is checked."""
    if bool(files) == bool(hub):
        raise RefusedError("Name either files or --hub.", "Such as `tunesmith import rows.jsonl`.")
    mapping = mapping_from(parts, roles) if parts else None
    chosen = importing.chosen(encoding)
    with running_studio.engine(True):
        dataset = _from_hub(hub, name, project) if hub else _from_files(files or [], (name, project), mapping, chosen)
        finished = follow(dataset)
    if finished.encodings:
        _say_encodings(finished)
    elif finished.status == DatasetStatus.NEEDS_MAPPING:
        say(f"{finished.error}\nMap them: tunesmith data map {finished.id} --map PART=COLUMN")
    answer(facts(finished))


def _from_hub(hub: str, name: str, project: str) -> Dataset:
    hub_id, config, split = [*hub.split(":", 2), "", ""][:3]
    return datasets.import_hub(hub_id, config, split, name=name, project_id=project)


def _say_encodings(dataset: Dataset) -> None:
    say(dataset.error or "")
    for choice in dataset.encodings:
        say(f"  {choice['encoding']:<12} {choice['sample']}")
    say(f"Choose one: tunesmith data map {dataset.id} --encoding NAME")


def _from_files(
    files: Sequence[Path], named_in: tuple[str, str], mapping: Mapping | None, chosen: dict[str, Any]
) -> Dataset:
    """`named_in`: the name of the dataset, and its project."""
    name, project = named_in
    named_files = [named_file for file in files for named_file in named_sources.files_at(str(file.absolute()))]
    named = name or (files[0].resolve().name if len(named_files) > 1 else Path(named_files[0][1]).stem)
    return datasets.import_files(named_files, named, project, "path", mapping.model_dump() if mapping else None, chosen)


def mapping_from(parts: Sequence[str] | None, roles: Sequence[str] | None, kind: str = "", keys: str = "") -> Mapping:
    """A mapping from what was typed. Raises RefusedError."""
    columns_by_part = dict(_pair(pair, "PART=COLUMN") for pair in parts or ())
    speaker_key, _, content_key = keys.partition(",")
    description = {
        "kind": kind or kind_of(columns_by_part) or "chat",
        "parts": columns_by_part,
        "who": speaker_key.strip(),
        "what": content_key.strip(),
    }
    return parse({**description, "roles": dict(_pair(pair, "NAME=ROLE") for pair in roles or ())})


def _pair(text: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise RefusedError(f"{text!r} is not {form}.", f"Write {form}, in quotes when it has spaces.")
    return name, value


def follow(dataset: Dataset) -> Dataset:
    """Waits until a dataset is made, saying how far it is. Raises TunesmithError when it failed."""
    finished = running_studio.follow(
        lambda: datasets.look_up(dataset.id), lambda row: row.status != DatasetStatus.IMPORTING, line, say
    )
    if finished.status == DatasetStatus.FAILED:
        raise TunesmithError(finished.error or "The import failed.", finished.hint or "")
    return finished


def line(dataset: Dataset) -> str:
    """A dataset in a line."""
    counts = f"rows {dataset.rows} accepted {dataset.accepted} repaired {dataset.repaired} rejected {dataset.rejected}"
    return f"dataset {dataset.id} {dataset.status} {dataset.kind or '-'} {counts}"


def follow_work(started: Work) -> Work:
    """Waits until a piece of work is over, saying how far it is. Raises TunesmithError when it failed."""
    finished = running_studio.follow(
        lambda: work.wait(started.id, 1), lambda item: item.status not in WORK_MOVING, _work_line, lambda _line: None
    )
    if finished.status != WorkStatus.SUCCEEDED:
        raise TunesmithError(finished.error or "It was stopped.", finished.hint or "")
    return finished


def _work_line(item: Work) -> str:
    return f"{item.kind} {item.status} {item.stage}"


def say_row(value: Any) -> None:
    """One JSON object a line, for people and for other programs."""
    say_text(f"{json.dumps(value, ensure_ascii=False, default=str)}\n")


def say_rows(listed: Iterable[Any]) -> None:
    """A JSON object a line; with `--json` all of them as a list."""
    if as_json():
        return say_json(list(listed))
    for row in listed:
        say_row(row)
    return None


@commands.command("list")
def list_datasets(
    project: Annotated[
        str | None,
        typer.Option("--project", help="Only those of this project.", **PROJECT),
    ] = None,
    all_versions: Annotated[bool, typer.Option("--versions", help="Every version, not only the newest ones.")] = False,
) -> None:
    """List datasets, the newest first: id, status, kind, rows, name."""
    db.prepare()
    with db.reading() as session:
        listed = (stored.recent if all_versions else stored.newest)(session, project)
    if as_json():
        return say_json([facts(dataset) for dataset in listed])
    for dataset in listed:
        version = f" (version {dataset.version})" if dataset.version > 1 else ""
        columns = f"{dataset.id}  {dataset.status:<13} {dataset.kind or '-':<11} {dataset.train_rows:>9,}"
        say(f"{columns}  {dataset.name}{version}")
    return None


def facts(dataset: Dataset) -> dict[str, Any]:
    """What is known of a dataset, as JSON takes it."""
    return {name: getattr(dataset, name) for name in SHOWN}


@commands.command()
def show(dataset_id: DatasetName) -> None:
    """Show a dataset: what it is, where it came from, and what was noticed, repaired and rejected."""
    db.prepare()
    dataset, summary = datasets.look_up(dataset_id), datasets.summary(dataset_id)
    if as_json():
        return say_json(facts(dataset) | {"encoding": dataset.encoding} | summary)
    say(line(dataset))
    about = {"name": dataset.name, "version": dataset.version, "format": dataset.format, "source": dataset.source_name}
    about["encoding"] = dataset.encoding
    for name, value in {**about, "error": dataset.error, "hint": dataset.hint}.items():
        if value:
            say(f"  {name:<9} {value}")
    for note in summary["notes"]:
        say(f"  note      {note}")
    for name, count in summary["repairs"].items():
        say(f"  repaired  {count:,} x {name.replace('_', ' ')}: {REPAIRS.get(name, '')}")
    for name, count in summary["rules"].items():
        say(f"  rejected  {count:,} x {name.replace('_', ' ')}")
    return None


@commands.command()
def rows(dataset_id: DatasetName, offset: Offset = 0, limit: Limit = 20) -> None:
    """Print rows as they will be trained on, one JSON object a line."""
    db.prepare()
    say_rows(datasets.rows(dataset_id, offset, limit))


@commands.command()
def rejections(dataset_id: DatasetName, offset: Offset = 0, limit: Limit = 20) -> None:
    """Print rejected rows with the rule, the value and the fix, one JSON object a line."""
    db.prepare()
    say_rows(datasets.rejections(dataset_id, offset, limit))


@commands.command(name="map")
def map_columns(  # noqa: PLR0913  (one argument for each option)
    dataset_id: DatasetName,
    parts: Parts = None,
    roles: Roles = None,
    kind: Kind = "",
    keys: Keys = "",
    detect: Annotated[bool, typer.Option("--detect", help="Read the files as detected, without a mapping.")] = False,
    encoding: Encoding = None,
) -> None:
    """Show what was detected; with --map, --encoding or --detect, import the files anew and wait."""
    with running_studio.engine(True):
        if not parts and not detect and not encoding:
            return _show_mapping(dataset_id)
        mapping = _mapping_for(dataset_id, detect, mapping_from(parts, roles, kind, keys) if parts else None)
        answer(facts(follow(mappings.apply(dataset_id, mapping, "" if detect and not encoding else encoding))))
    return None


def _mapping_for(dataset_id: str, detect: bool, typed: Mapping | None) -> Mapping | None:
    """The mapping that was typed, else the one in force: whoever names only an encoding keeps it."""
    in_force = datasets.look_up(dataset_id).mapping
    return None if detect else typed or (parse(in_force) if in_force else None)


def _show_mapping(dataset_id: str) -> None:
    detected, dataset = mappings.look(dataset_id), datasets.look_up(dataset_id)
    if as_json():
        return say_json(detected | {"in_force": dataset.mapping})
    layout = detected["format"] or ("a guess" if detected["mapping"] else "nothing")
    say(f"detected {layout}, {100 * (detected['confidence'] or 0):.0f} % of the first {detected['looked_at']:,} rows")
    say_row(dataset.mapping or detected["mapping"])
    for column in detected["columns"]:
        say(f"  {column['name']}: {' | '.join(column['examples'])[:160]}")
    return None


@commands.command(name="tokens")
def count_tokens(
    dataset_id: DatasetName,
    model: Annotated[
        str,
        typer.Option("--model", help="The model whose tokenizer and chat template count.", **MODEL),
    ],
    max_length: Annotated[int, typer.Option(min=16, help="Where rows are cut, in tokens.")] = tokens.MAX_LENGTH,
) -> None:
    """Count what a model would learn from a dataset: tokens, share trained, rows cut, lengths."""
    with running_studio.engine(True):
        totals = follow_work(tokens.totals(dataset_id, model, max_length)).result
    if as_json():
        return say_json(totals)
    for name in ("rows", "tokens", "trained", "share_trained", "lengths", "packing", "notes"):
        say(f"{name:<14} {json.dumps(totals.get(name))}")
    return None


@commands.command(name="search")
def find(
    dataset_id: DatasetName,
    text: Annotated[str, typer.Argument(help='Words, "an exact phrase", or a beginning*.')],
    offset: Offset = 0,
    limit: Limit = 20,
) -> None:
    """Print rows with everything that is searched for, one JSON object a line, with positions from 0."""
    with running_studio.engine(True):
        hits = search.search(dataset_id, text, offset, limit)
    listed = [{"position": hit.position, **hit.row} for hit in hits.rows]
    if as_json():
        return say_json({"total": hits.total, "rows": listed})
    say(f"found {hits.total:,}", err=True)
    return say_rows(listed)
