"""First rows of a dataset's own files, for mapping its columns: `python -m engine.workers.data.first_rows SPEC OUT`.

Spec: {"sources": [{"path", "name"}], "encoding": the one that was chosen}. Leaves rows.jsonl in OUT: the first rows,
long values cut, each as {"row": ...} or, when the reader could make no row of it, {"rule", "value"}. A process of its
own, because a file may be a bomb.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from engine.rows.errors import UnreadableError
from engine.rows.mapping import detection, suggestion
from engine.rows.mapping.mapping import Mapping
from engine.rows.turns import cells
from engine.rows.verdict import Rejection, printable_value
from engine.workers import contract
from engine.workers.data import import_detection, import_encodings
from engine.workers.data.import_detection import File

ROWS = "rows.jsonl"
MOST_ROWS = 100
MOST_BYTES = 2 << 20
LONGEST_TEXT = 8_000
LONGEST_LIST = 200
DEEPEST = 12
MOST_COLUMNS = 60
MOST_ROLES = 30
EXAMPLES = 2


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """What they are: {"looked_at", "formats", "format", "confidence", "mapping", "guessed", "columns", "roles"}.

    `formats` counts the rows of each format ("" for none). Raises WorkFailedError when nothing can be read.
    """
    files = [File(Path(source["path"]), str(source["name"])) for source in spec["sources"]]
    try:
        sample = import_detection.look(import_encodings.settle(files, spec.get("encoding", ""), guess=True), None)
    except UnreadableError as error:
        raise contract.WorkFailedError("data", error.message, error.hint) from error
    rows = [shortened(row) if isinstance(row, dict) else row for row in sample.rows[:MOST_ROWS]]
    (out / ROWS).write_bytes(b"".join(_lines(rows)))
    format_mapping = None if sample.format is None else suggestion.of_format(sample.format, sample.rows)
    mapping = format_mapping or suggestion.guess(sample.rows)
    return {
        "looked_at": len(sample.rows),
        "formats": dict(Counter(_format_name(row) for row in sample.rows).most_common()),
        "format": sample.format and sample.format.name,
        "confidence": sample.confidence,
        "mapping": mapping and mapping.model_dump(),
        "guessed": format_mapping is None,
        "columns": columns(rows),
        "roles": roles(sample.rows, mapping),
    }


def _format_name(row: Any) -> str:
    row_format = detection.format_of(row)
    return row_format.name if row_format else ""


def _lines(rows: Iterable[Any]) -> Iterator[bytes]:
    written = 0
    for row in rows:
        entry = {"rule": row.rule, "value": row.value} if isinstance(row, Rejection) else {"row": row}
        line = orjson.dumps(entry, default=printable_value, option=orjson.OPT_NON_STR_KEYS) + b"\n"
        written += len(line)
        if written > MOST_BYTES:
            return
        yield line


def shortened(value: Any, depth: int = 0) -> Any:
    """The value as it can be kept and shown: text that can be written, long ones cut, nothing very deep."""
    if isinstance(value, str):
        return value[:LONGEST_TEXT] if value.isascii() else value[:LONGEST_TEXT].encode("utf-8", "replace").decode()
    if depth > DEEPEST:
        return printable_value(value)
    if isinstance(value, dict):
        return {shortened(str(name)): shortened(item, depth + 1) for name, item in list(value.items())[:LONGEST_LIST]}
    if isinstance(value, (list, tuple)):
        return [shortened(item, depth + 1) for item in value[:LONGEST_LIST]]
    if value is None or isinstance(value, (bool, float)) or (isinstance(value, int) and abs(value) < 1 << 53):
        return value
    return f"{value:f}" if isinstance(value, Decimal) else printable_value(value)


def columns(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """[{"name", "filled": share of the rows, "examples"}], in the order they first come."""
    objects = [row for row in rows if isinstance(row, dict)]
    names = list(dict.fromkeys(str(name) for row in objects for name in row))[:MOST_COLUMNS]
    return [_column(name, [row.get(name) for row in objects]) for name in names]


def _column(name: str, values: list[Any]) -> dict[str, Any]:
    filled = [value for value in values if value not in (None, "", [], {})]
    examples = list(dict.fromkeys(map(printable_value, filled)))[:EXAMPLES]
    return {"name": name, "filled": round(len(filled) / len(values), 3), "examples": examples}


def roles(rows: Iterable[Any], mapping: Mapping | None) -> dict[str, int]:
    """How often each name of a role comes in the columns that are mapped, the commonest first."""
    if mapping is None:
        return {}
    counts: Counter[str] = Counter()
    for row in rows:
        if isinstance(row, dict):
            counts.update(_roles_of(row, mapping))
    return dict(counts.most_common(MOST_ROLES))


def _roles_of(row: dict[str, Any], mapping: Mapping) -> Iterator[str]:
    keys = (mapping.who, "role", "from", "speaker")
    for column in mapping.parts.values():
        turns = cells.opened(row.get(column))
        for turn in turns if isinstance(turns, list) else ():
            if isinstance(turn, dict) and isinstance(name := turn.get(cells.first(turn, keys) or ""), str):
                yield name[:80]


if __name__ == "__main__":
    contract.run(work)
