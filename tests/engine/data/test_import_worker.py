"""The import worker: the same rows give the same bytes, however many files and processes they come through."""

import gc
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rows.formats import messages
from engine.rows.mapping import detection
from engine.rows.mapping.judged_rows import judge_rows
from engine.rows.store import columnar, rejected
from engine.rows.turns import common_chats
from engine.workers import contract
from engine.workers.data import import_files, import_pool
from engine.workers.data.import_blocks import Block

ODD = [
    b"",
    b"{broken",
    b"7",
    b'{"messages": []}',
    b'{"messages": [{"role": "user", "content": "alone"}]}',
    b'{"prompt": "p", "completion": "c", "id": 7}\r',
    '{"messages": [{"role": "user", "content": "größe"}, {"role": "assistant", "content": "läßt\\u0000"}]}'.encode(),
    b'{"messages": [{"role": "user", "content": "\xff"}]}',
    b"x" * ((16 << 20) + 1),
]


def chats(count: int, seed: int = 1) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        turns = []
        for _ in range(chance.randint(1, 3)):
            turns.append({"role": "user", "content": f"What about {number}? " * chance.randint(1, 9)})
            turns.append({"role": "assistant", "content": chance.choice(("Yes.", "Nein, Süße.", "No. " * 30))})
        rows.append({"messages": turns} | ({"id": number} if number % 50 == 0 else {}))
    return rows


def lines(rows: list[Any]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def work(out: Path, *files: Path, **more: Any) -> dict[str, Any]:
    """What the worker says in the end."""
    out.mkdir()
    sources = [{"path": str(path), "name": path.name} for path in files]
    return import_files.work({"sources": sources, "mapping": None, **more}, out)


def left(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir() if path.name not in ("events.jsonl", "summary.json")}


def test_any_number_of_processes_gives_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    content = lines(chats(6000)) + b"\n".join(ODD) + b"\n" + lines(chats(3000, seed=2))
    path.write_bytes(content)
    (tmp_path / "b.jsonl.zst").write_bytes(pa.compress(content, codec="zstd", asbytes=True))
    result = work(tmp_path / "none", path, processes=0)
    assert result["rows"] == 9000 + len(ODD) - 1  # a blank line is no row
    assert result["accepted"] + result["repaired"] + result["rejected"] == result["rows"]
    assert (result["repaired"], result["rejected"]) == (1, 6)
    expected = left(tmp_path / "none")
    assert set(expected) == {"rows.parquet", "rejected.jsonl", "rejected.jsonl.index"}
    for name, processes in (("a.jsonl", 3), ("b.jsonl.zst", 1)):
        out = tmp_path / f"{name}-{processes}"
        result_again = work(out, tmp_path / name, processes=processes)
        assert {**result_again, "files": 0} == {**result, "files": 0}
        assert left(out) == expected


def test_rows_of_several_files_are_numbered_on_and_named(tmp_path: Path) -> None:
    first, second, third = tmp_path / "1.jsonl", tmp_path / "2.json", tmp_path / "3.csv"
    first.write_bytes(lines([{"prompt": "a", "completion": "b"}, {"prompt": "c", "completion": ""}]))
    second.write_text(json.dumps([{"question": "d", "answer": "e"}] * 3))
    third.write_text("input,output\nf,g\n,h\n")
    result = work(tmp_path / "out", first, second, third)
    assert (result["rows"], result["accepted"], result["rejected"]) == (7, 5, 2)
    assert result["files"] == [
        {"name": "1.jsonl", "rows": 2, "encoding": "utf-8"},
        {"name": "2.json", "rows": 3, "encoding": "utf-8"},
        {"name": "3.csv", "rows": 2, "encoding": "utf-8"},
    ]
    assert [row["row"] for row in columnar.page(tmp_path / "out" / "rows.parquet", 0, 9)] == [1, 3, 4, 5, 6]
    refused = rejected.page(tmp_path / "out" / "rejected.jsonl", 0, 9)
    assert [(rejection["row"], rejection["file"]) for rejection in refused] == [(2, "1.jsonl"), (7, "3.csv")]
    summary = json.loads((tmp_path / "out" / "summary.json").read_bytes())
    assert summary["notes"][0] == "`1.jsonl`: Read as JSON Lines, UTF-8."


def test_one_of_several_files_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "good.jsonl").write_bytes(lines([{"text": "a"}]))
    (tmp_path / "bad.jsonl").write_bytes(b"%PDF-1.7")
    with pytest.raises(contract.WorkFailedError, match=r"`bad\.jsonl`: The file is a PDF"):
        work(tmp_path / "out", tmp_path / "good.jsonl", tmp_path / "bad.jsonl")
    assert list(left(tmp_path / "out")) == []


def test_what_goes_wrong_in_a_process_is_said(tmp_path: Path) -> None:
    missing = Block(str(tmp_path / "missing"), 0, 10)
    with (
        import_pool.Pool(tmp_path, messages.FORMAT, None, 1) as pool,
        pytest.raises(contract.WorkFailedError, match="No such file"),
    ):
        list(pool.judged(iter([missing])))


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 700])
def test_every_page_of_the_rejected_rows_is_near(tmp_path: Path, count: int) -> None:
    path = tmp_path / "rejected.jsonl"
    with rejected.Writer(path) as writer:
        writer.add([(number, b'"rule":"r"}') for number in range(count)], before=1)
        writer.close()
    for indexed in (True, False):
        for offset in (0, 200, 256, 300, 699, 5000):
            numbers = [rejection["row"] for rejection in rejected.page(path, offset, 60)]
            assert numbers == list(range(offset + 1, min(offset + 60, count) + 1))
        if indexed:
            rejected.index_of(path).unlink()  # as an older studio left it


TURN = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool", "human"]), "content": st.sampled_from(
        ["a", "ä b", " ", "", "x\0", "\ud800", None, 3, ["part"]])},
    optional={"name": st.just("n"), "weight": st.just(0)},
)  # fmt: skip
CLEAN = st.integers(1, 3).map(
    lambda pairs: [{"role": role, "content": "é"} for _ in range(pairs) for role in ("user", "assistant")]
)
ROW = st.fixed_dictionaries(
    {"messages": CLEAN | st.lists(TURN, max_size=4) | st.none()}, optional={"id": st.integers(0, 1)}
)


@settings(max_examples=300, deadline=None)
@given(st.lists(CLEAN.map(lambda turns: {"messages": turns}) | ROW | st.just({}) | st.just([]), max_size=4))
def test_a_glance_sees_what_a_judge_sees(rows: list[Any]) -> None:
    verdicts = [detection.judge(row, messages.FORMAT) for row in rows]
    if common_chats.plain_chats(rows):
        assert verdicts == [({"messages": row["messages"]}, frozenset()) for row in rows]
    judged = judge_rows(rows, messages.FORMAT)
    accepted = [verdict.values for verdict in verdicts if isinstance(verdict, detection.Accepted)]
    assert (judged.rows, len(judged.rejected), judged.batch.num_rows) == (
        len(rows),
        len(rows) - len(accepted),
        len(accepted),
    )


def test_rejected_rows_leave_no_garbage() -> None:
    """Processes that judge collect none for a long time."""
    gc.collect()
    gc.disable()
    try:
        assert len(judge_rows([{}, {"messages": []}, 7] * 700, messages.FORMAT).rejected) == 2100
        assert gc.collect() < 1000
    finally:
        gc.enable()


def test_most_chats_need_only_a_glance() -> None:
    assert common_chats.plain_chats([row for row in chats(100) if "id" not in row])
    assert not common_chats.plain_chats(chats(100))
    system = [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]
    assert not common_chats.plain_chats([{"messages": system}])
    assert common_chats.plain_chats([{"messages": [*system, {"role": "assistant", "content": "a"}]}])
