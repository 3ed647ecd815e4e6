"""Mask and strip: every text of every row without personal data and keys, or without special tokens inside it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from engine.rows.health import pii, special_tokens
from engine.rows.shape import operation, texts, validated_rows
from engine.rows.store import columnar, columns
from engine.rows.verdict import Kind, Rejection

_KEPT = ("row", "tools")  # numbers and function schemas are no texts of people
_NAMES = ("role", "id", "type", "tool_call_id")  # keys whose values are names, not texts


class _Clean(operation.Shaping):
    def clean(self, text: str) -> str:
        raise NotImplementedError

    def hint(self) -> str:
        """What RE2 finds in every text that `clean` would change, and perhaps in more."""
        raise NotImplementedError

    def run(self, parents: Sequence[operation.Parent], workspace: operation.Workspace) -> Iterator[pa.RecordBatch]:
        (parent,) = parents
        left_out = 0
        for batch in workspace.read(parent):
            suspects = _suspects(batch, self.hint())
            if not any(suspects):
                yield batch
                continue
            rows = list(columns.plain(batch))
            cleaned = [
                _cleaned(row, self.clean, parent.kind) if suspect else row
                for row, suspect in zip(rows, suspects, strict=True)
            ]
            workspace.changed += sum(row != old for row, old in zip(cleaned, rows, strict=True) if row)
            left_out += cleaned.count(None)
            kept = [row for row in cleaned if row]
            yield columns.batch(kept, [row["row"] for row in kept], columnar.SCHEMAS[parent.kind])
        if left_out:
            workspace.notes.append(f"{left_out:,} rows were left out: nothing was left to learn from them.")


class Mask(_Clean):
    """Mail addresses, phone numbers, cards, bank accounts and keys become placeholders such as [MAIL]."""

    op: Literal["mask"] = Field(default="mask", description="Replace personal data and keys with placeholders.")

    def words(self) -> str:
        return "replaced personal data and keys with placeholders"

    def clean(self, text: str) -> str:
        return pii.mask(text)

    def hint(self) -> str:
        return pii.HINT


class Strip(_Clean):
    """Signs such as <|im_end|> or </s>, which chat templates write between turns, are taken out of texts."""

    op: Literal["strip"] = Field(default="strip", description="Take special tokens out of texts.")

    def words(self) -> str:
        return "took special tokens out of texts"

    def clean(self, text: str) -> str:
        return special_tokens.strip(text)

    def hint(self) -> str:
        return special_tokens.PATTERN


def _suspects(batch: pa.RecordBatch, hint: str) -> list[bool]:
    """Which rows may have something to clean, found a hundred times as fast as by cleaning."""
    all_texts = pc.binary_join_element_wise(texts.texts(batch), pc.fill_null(batch.column("extra"), ""), "\n")
    matches: list[bool] = pc.match_substring_regex(all_texts, hint).to_pylist()
    return matches


def _cleaned(row: dict[str, Any], clean: Callable[[str], str], kind: Kind) -> dict[str, Any] | None:
    """The row with clean texts; None when what is left cannot be learnt."""
    cleaned = {name: value if name in _KEPT else _clean_nested(value, clean) for name, value in row.items()}
    if cleaned == row:
        return row
    try:
        return validated_rows.checked(cleaned, kind)[0] | {"row": row["row"]}
    except Rejection:
        return None


def _clean_nested(value: Any, clean: Callable[[str], str]) -> Any:
    """The value with every text inside it cleaned."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_clean_nested(item, clean) for item in value]
    if isinstance(value, dict):
        return {name: item if name in _NAMES else _clean_nested(item, clean) for name, item in value.items()}
    return value
