"""`tunesmith data preview`: what an import would make of files or a hub dataset, before anything is stored."""

from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import running_studio
from app.cli.called import ProjectName
from app.cli.data import Encoding, Parts, Roles, mapping_from, say_row
from app.cli.printed import as_json, say, say_json
from app.cli.rows.commands import COMMANDS as COMMANDS
from engine.data import named_sources, previews
from engine.data.previews import Preview
from engine.errors import RefusedError
from storage.tables import DEFAULT_PROJECT, Work

Rows = Annotated[int, typer.Option("--rows", min=0, max=20, help="How many of the first rows to print.")]


@COMMANDS.command()
def preview(  # noqa: PLR0913  (one argument for each option)
    files: Annotated[list[Path] | None, typer.Argument(help="Files, or one folder.")] = None,
    hub: Annotated[str, typer.Option("--hub", metavar="ID[:CONFIG[:SPLIT]]", help="A dataset of the hub.")] = "",
    project: ProjectName = DEFAULT_PROJECT,
    parts: Parts = None,
    roles: Roles = None,
    encoding: Encoding = None,
    rows: Rows = 3,
) -> None:
    """Show what an import would make of files or a hub dataset: kind, columns, encoding, rows. Nothing is stored."""
    if bool(files) == bool(hub):
        raise RefusedError("Name either files or --hub.", "Such as `tunesmith data preview rows.jsonl`.")
    with running_studio.engine(True):
        mapping = mapping_from(parts, roles).model_dump() if parts else None
        look = _of_hub(hub, project) if hub else _of_files(files or [], project, encoding or "", mapping)
        shown = previews.wait(look)
    if as_json():
        return say_json({**shown.facts, "methods": shown.methods, "first_rows": shown.rows[:rows]})
    _say(shown)
    for row in shown.rows[:rows]:
        say_row(row)
    return None


def _of_hub(hub: str, project: str) -> Work:
    hub_id, config, split = [*hub.split(":", 2), "", ""][:3]
    return previews.begin_hub(hub_id, config, split, project_id=project)


def _of_files(files: list[Path], project: str, encoding: str, mapping: dict[str, Any] | None) -> Work:
    named_files = [named_file for file in files for named_file in named_sources.files_at(str(file.absolute()))]
    return previews.begin(named_files, "path", project, encoding, mapping)


def _say(shown: Preview) -> None:
    facts = shown.facts
    written = dict.fromkeys(", ".join(filter(None, (file["written_as"], file["encoding"]))) for file in facts["files"])
    parts = (facts["mapping"] or {"parts": {}})["parts"]
    rows = "not known" if facts["rows"] is None else f"{'' if facts['exact'] else 'about '}{facts['rows']:,}"
    judged = f"{facts['accepted'] + facts['repaired']:,} of the first {facts['looked_at']:,} would be taken"
    lines = {
        "kind": f"{facts['kind'] or '-'}, for {', '.join(shown.methods) or 'no method'}",
        "format": "a guess by the columns" if facts["guessed"] else facts["format"] or "a mapping",
        "written": "; ".join(written),
        "columns": ", ".join(f"{part}={column}" for part, column in parts.items()) or ", ".join(facts["columns"]),
        "rows": f"{rows}; {judged}",
        "rejected": ", ".join(f"{count:,} x {rule.replace('_', ' ')}" for rule, count in facts["rules"].items()),
        "mapping": facts["remembered"] and f"that of {facts['remembered']}, which has the same columns",
    }
    for name, value in lines.items():
        if value:
            say(f"  {name:<9} {value}")
    for choice in facts["encodings"]:
        say(f"  encoding  {choice['encoding']:<12} {choice['sample']}")
