"""Plain text, for continued pre-training: one column of text."""

from typing import Any

from engine.data import cells
from engine.data.verdict import Format, Rejection, Repairs, Row

COLUMNS = ("text", "content", "document", "body")


def _fits(row: Row) -> bool:
    return cells.first(row, COLUMNS) is not None


def _read(row: Row, repairs: Repairs) -> dict[str, Any]:
    column = cells.first(row, COLUMNS)
    written = cells.text(row[column], repairs, column) if column else ""
    if not written.strip():
        raise Rejection("empty_text", {column: written})
    return {"text": written}


FORMAT = Format(
    name="text",
    kind="text",
    columns=f"one of {', '.join(f'`{name}`' for name in COLUMNS)}; files of plain text (.txt, .md) are read so",
    example={"text": "Paris is the capital of France."},
    fits=_fits,
    read=_read,
)
