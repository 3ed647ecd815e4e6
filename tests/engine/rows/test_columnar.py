"""The columnar file: rows come back as they went in, and the same rows are the same bytes."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rows.store import columnar, columns

JSON = st.recursive(
    st.booleans() | st.integers(-(2**31), 2**31) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def test_rows_are_kept_and_paged_through(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    with columnar.Writer(path, "text") as writer:
        for number in range(1, 2501):
            writer.add(number, {"text": f"row {number}"})
        writer.close()
    assert columnar.row_count(path) == 2500
    assert pq.ParquetFile(path).metadata.num_row_groups == 3
    assert columnar.page(path, 998, 4) == [{"text": f"row {number}", "row": number} for number in range(999, 1003)]
    assert columnar.page(path, 0, 2500)[-1]["row"] == 2500
    assert columnar.page(path, 2499, 50) == [{"text": "row 2500", "row": 2500}]
    assert columnar.page(path, 2500, 50) == columnar.page(path, 0, 0) == []


TURN = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant"]), "content": st.text(max_size=5)},
    optional={
        "tool_calls": st.just([{"type": "function", "function": {"name": "f", "arguments": {"a": [1, "é"]}}}]),
        "name": st.text(max_size=3),
        "train": st.booleans(),
    },
)
CHAT = st.fixed_dictionaries(
    {"messages": st.lists(TURN, max_size=3)},
    optional={"tools": st.just([{"name": "f"}]), "extra": st.dictionaries(st.text(max_size=2), JSON, min_size=1)},
)


@settings(max_examples=30, deadline=None)
@given(st.lists(CHAT, max_size=6), st.integers(1, 4))
def test_rows_come_back_as_they_were_however_they_were_added(rows: list[dict[str, Any]], size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        added_singly, added_in_batches = Path(folder, "one"), Path(folder, "many")
        with columnar.Writer(added_singly, "chat") as writer:
            for number, row in enumerate(rows, 1):
                writer.add(number, row)
            writer.close()
            assert writer.sha256 == columnar.sha256_of(added_singly)
        with columnar.Writer(added_in_batches, "chat") as writer:
            for start in range(0, len(rows), size):
                numbers = range(1, len(rows[start : start + size]) + 1)
                batch = columns.batch(rows[start : start + size], numbers, columnar.SCHEMAS["chat"])
                writer.add_batch(columnar.shifted(batch, start))
            writer.close()
        assert added_singly.read_bytes() == added_in_batches.read_bytes()
        expected = [{**row, "row": number} for number, row in enumerate(rows, 1)]
        assert columnar.page(added_singly, 0, 9) == expected
        assert [columnar.plain(row) for row in pq.read_table(added_singly).to_pylist()] == expected


def test_what_json_has_no_word_for_is_kept_in_words() -> None:
    assert columns.as_json({"a": b"123", "b": {1, 2}.__class__, "\udcff": "\ud800", "n": 1 << 70}).startswith("{")
    deep: Any = []
    for _ in range(2000):
        deep = [deep]
    assert json.loads(columns.as_json({"deep": deep, "b": 1}))["b"] == "1"


def test_the_same_rows_give_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with columnar.Writer(tmp_path / name, "completion") as writer:
            writer.add(1, {"prompt": "p", "completion": "c"})
            writer.close()
    assert columnar.sha256_of(tmp_path / "a") == columnar.sha256_of(tmp_path / "b")
