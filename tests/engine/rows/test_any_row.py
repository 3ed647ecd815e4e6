"""Whatever a row holds, it gets a verdict, and a row that is taken comes back from its file as it went in."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rows.mapping import detection
from engine.rows.store import columnar
from engine.rows.verdict import Format, Rejection

KEYS = "role content from value type text human assistant name tool_calls arguments train loss_weight thinking rank"
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20)
    | st.sampled_from(["user", "assistant", "tool", "system", "function_call", "tool_use", "tool_result", "true", "f"])
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=4),
    max_leaves=8,
)
TURNS = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "tool", "function_call"]), "content": VALUES},
        optional={"tool_calls": VALUES, "train": LEAVES, "reasoning_content": LEAVES, "name": LEAVES},
    ),
    max_size=5,
)
COLUMNS = sorted(
    {name for row_format in detection.FORMATS for names in row_format.parts.values() for name in names} | {"a", "b"}
)
ROWS = st.dictionaries(st.sampled_from(COLUMNS), VALUES | TURNS, max_size=5) | VALUES


@settings(max_examples=100, deadline=None)
@given(st.lists(ROWS, max_size=3), st.sampled_from(detection.FORMATS))
def test_every_row_there_could_be_gets_a_verdict(rows: list[Any], file_format: Format) -> None:
    for row_format in {file_format, detection.detect(rows) or file_format}:
        for row in rows:
            verdict = detection.judge(row, row_format)
            if isinstance(verdict, Rejection):
                assert verdict.fix
                verdict.value.encode()
            else:
                _check(verdict.values, row_format)


def _check(values: dict[str, Any], file_format: Format) -> None:
    """The row has the columns of its kind, and every turn says or calls something."""
    assert set(values) - {"tools", "extra"} == set(columnar.SCHEMAS[file_format.kind].names) - {"tools", "extra", "row"}
    for name in set(values) & set(columnar.TURN_COLUMNS):
        for turn in values[name] if isinstance(values[name], list) else ():
            turn["content"].encode()
            assert turn["content"].strip() or turn["role"] == "tool" or turn["tool_calls"]


@settings(max_examples=30, deadline=None)
@given(st.lists(ROWS, min_size=3, max_size=8))
def test_rows_that_are_taken_come_back_from_their_file_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any]
) -> None:
    file_format = detection.detect(rows)
    if file_format is not None:
        verdicts = [detection.judge(row, file_format) for row in rows]
        accepted = [verdict.values for verdict in verdicts if isinstance(verdict, detection.Accepted)]
        assert _stored(tmp_path_factory.mktemp("kept") / "rows", file_format, accepted) == accepted


def _stored(path: Path, file_format: Format, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    with columnar.Writer(path, file_format.kind) as writer:
        for number, values in enumerate(rows, 1):
            writer.add(number, values)
        writer.close()
    return [{key: value for key, value in row.items() if key != "row"} for row in columnar.page(path, 0, len(rows))]
