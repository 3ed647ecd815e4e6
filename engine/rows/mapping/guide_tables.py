"""The tables of docs/guide/formats.md, made from the code so that they are true. A test holds the two together."""

import json
from collections.abc import Iterable

from engine.rows.mapping import detection
from engine.rows.readers import choose
from engine.rows.verdict import REPAIRS, RULES


def tables() -> dict[str, str]:
    """Markdown by the name of its place in the guide."""
    return {"formats": _formats(), "files": _files(), "repairs": _repairs(), "rules": _rules()}


def filled(guide: str) -> str:
    """The guide with what stands between `<!-- NAME -->` and `<!-- end -->` made anew."""
    for name, table in tables().items():
        before, marker, rest = guide.partition(f"<!-- {name} -->\n")
        _old_table, _end, after = rest.partition("<!-- end -->")
        if not marker:
            raise ValueError(f"the guide has no place for {name}")
        guide = f"{before}{marker}\n{table}\n<!-- end -->{after}"
    return guide


def _formats() -> str:
    rows = (
        (f"`{row_format.name}`", row_format.kind, row_format.columns, f"`{json.dumps(row_format.example)}`")
        for row_format in detection.FORMATS
    )
    return _table(("Format", "Kind", "Columns", "A row"), rows)


def _files() -> str:
    rows = (
        (reader.name, ", ".join(f"`{suffix}`" for suffix in reader.suffixes), reader.about) for reader in choose.READERS
    )
    return _table(("File", "Endings", "Rows"), rows)


def _repairs() -> str:
    return _table(("Repair", "What was done"), ((f"`{name}`", about) for name, about in REPAIRS.items()))


def _rules() -> str:
    return _table(("Rule", "What to do"), ((f"`{name}`", fix) for name, fix in RULES.items()))


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
