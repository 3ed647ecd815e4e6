"""Blocks read by Arrow at once: taken only where judging row by row would take every row just so."""

import json
from pathlib import Path
from types import NoneType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.rows.formats import alpaca, messages, pairs, text
from engine.rows.mapping import clean_blocks
from engine.rows.mapping.judged_rows import Judged, judge_rows
from engine.rows.store import columnar
from engine.rows.turns import cells
from engine.rows.verdict import Format
from engine.workers.data import import_blocks, import_fast, import_files
from engine.workers.data.import_blocks import Block


def chat(*turns: tuple[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


GOOD = json.dumps(chat(("user", "q"), ("assistant", "a")))
TEXTS = st.sampled_from(
    ["a", "ä ß 日本", "\u00a0x", " lead", "\u3000", " ", "", "x\0y", "\ud800", "\u2028", None, 3, ["p"]]
)
ROLES = st.sampled_from(["system", "user", "assistant", "tool", "User", "human", None])
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3).map(
    lambda pairs: [turn for asked, answered in pairs for turn in (("user", asked), ("assistant", answered))]
)
CHATS = st.one_of(
    PAIRS, PAIRS.map(lambda turns: [("system", "s"), *turns]), st.lists(st.tuples(ROLES, TEXTS), max_size=4)
)
ODD = st.sampled_from(
    [
        *("{}", "[]", "", " ", "3", "{", "{}]}", GOOD + GOOD, " " + GOOD, GOOD + " ", GOOD[:-1]),
        *('{"messages":[{"role":"user"},', '{"messages": [], "messages": []}', '{"messages": null}'),
        *(GOOD.replace('"q"', '"\\ud800"'), GOOD.replace("q", "\\u0000"), GOOD.replace('"role"', '"from"')),
        *(GOOD[:-1] + ', "id": 1}', GOOD.replace('"q"', '"q", "content": "r"')),
    ]
)
LINES = st.one_of(CHATS.map(lambda turns: json.dumps(chat(*turns))), ODD, st.just(GOOD))


def read(block: bytes, file_format: Format = messages.FORMAT) -> list[Judged]:
    """The verdicts as an import comes to them; none when the block is not for Arrow."""
    parts = clean_blocks.rows(block, clean_blocks.CLEAN_FORMATS[file_format.name]) or []
    return [
        part if isinstance(part, Judged) else judge_rows(import_blocks.rows_in(part), file_format) for part in parts
    ]


def together(parts: list[Judged]) -> tuple[int, list[dict[str, Any]], list[tuple[int, bytes]], int]:
    """Rows, those taken, those rejected, and how many were repaired."""
    rows, repaired = 0, 0
    accepted: list[dict[str, Any]] = []
    rejected: list[tuple[int, bytes]] = []
    for part in parts:
        accepted += columnar.shifted(part.batch, rows).to_pylist()
        rejected += [(number + rows, reason) for number, reason in part.rejected]
        rows, repaired = rows + part.rows, repaired + part.repaired
    return rows, accepted, rejected, repaired


@settings(max_examples=600, deadline=None)
@given(st.lists(LINES, max_size=5), st.sampled_from(["\n", "\r\n", "\n\n"]), st.sampled_from([0, 0, 100]))
@example([GOOD + GOOD, ""], "\n", 0)
@example(['{"messages":[{"role":"user","content":"q"},', '{"role":"assistant","content":"a"}]}'], "\n", 0)
def test_a_block_is_taken_only_as_a_judge_would_take_it(lines: list[str], ending: str, good: int) -> None:
    """Among none, or so many good rows that the odd ones are few."""
    around = [GOOD] * good
    block = "".join(line + ending for line in [*around, *lines, *around]).encode("utf-8", "surrogatepass")
    parts = read(block)
    if parts:
        assert together(parts) == together([judge_rows(import_blocks.rows_in(block), messages.FORMAT)])


@settings(max_examples=400, deadline=None)
@given(st.lists(CHATS, max_size=6))
def test_odd_chats_are_handed_back_and_the_others_taken(odd: list[list[tuple[str, Any]]]) -> None:
    """Where Arrow can read all of them, that is where contents are text."""
    lines = [GOOD]
    for turns in odd:
        lines += [json.dumps(chat(*turns)), *[GOOD] * clean_blocks.FEW]
    block = "".join(line + "\n" for line in lines).encode("utf-8", "surrogatepass")
    strange = any(isinstance(text, (int, list)) or text == "\ud800" for turns in odd for _, text in turns)
    parts = read(block)
    assert bool(parts) is not strange
    if parts:
        assert together(parts) == together([judge_rows(import_blocks.rows_in(block), messages.FORMAT)])


STARTS = st.sampled_from(
    [
        '[{"role": "user", "content": "q"}]',
        ' {"role": "user"}',
        "\n\nHuman: q\n\nAssistant: a",
        "Human: q",
        "[x",
        "How?",
    ]
)
CELLS = st.one_of(STARTS, TEXTS, st.text(max_size=3))
ROWS = {
    text.FORMAT.name: st.fixed_dictionaries({}, optional={"text": CELLS}),
    pairs.FORMAT.name: st.fixed_dictionaries({"prompt": CELLS}, optional={"completion": CELLS}),
}


@pytest.mark.parametrize("file_format", [text.FORMAT, pairs.FORMAT], ids=lambda file_format: file_format.name)
@settings(max_examples=400, deadline=None)
@given(data=st.data(), escaped=st.booleans())
def test_texts_and_pairs_are_taken_only_as_a_judge_would_take_them(
    file_format: Format, data: st.DataObject, escaped: bool
) -> None:
    odd = data.draw(st.lists(ROWS[file_format.name], max_size=4))
    good = dict.fromkeys(clean_blocks.CLEAN_FORMATS[file_format.name].columns.names, "ja")
    lines = [json.dumps(row, ensure_ascii=escaped) for row in [*odd, *[good] * 130]]
    block = "".join(line + "\n" for line in lines).encode("utf-8", "surrogatepass")
    parts = read(block, file_format)
    if all(isinstance(cell, (str, NoneType)) and _is_whole(cell) for row in odd for cell in row.values()):
        assert parts
    if parts:
        assert together(parts) == together([judge_rows(import_blocks.rows_in(block), file_format)])


def _is_whole(cell: str | None) -> bool:
    return cell is None or cell.isascii() or cells.is_clean(cell)


def test_clean_chats_are_taken_at_once() -> None:
    rows = [
        chat(("system", "ä"), ("user", "日本?"), ("assistant", "ja\n")),
        chat(*[("user", "q"), ("assistant", "a")] * 70),
    ]
    block = b"".join(json.dumps(row, ensure_ascii=number == 0).encode() + b"\n" for number, row in enumerate(rows))
    [part] = read(block)
    assert part.batch.equals(judge_rows(rows, messages.FORMAT).batch)
    for spoilt in (
        block.replace(b"ja", b"\xff\xfe"),
        block.replace(b"ja", b"\xed\xa0\x80"),
        block.replace(b"\n", b"\r\n"),
    ):
        assert not read(spoilt)


def written(tmp_path: Path, lines: list[str], **spec: Any) -> tuple[dict[str, Any], str]:
    file, out = tmp_path / "rows.jsonl", tmp_path / str(spec)
    file.write_text("\n".join(lines))
    out.mkdir()
    result = import_files.work({"sources": [{"path": str(file), "name": "rows.jsonl"}], "mapping": None, **spec}, out)
    return result, (out / "rejected.jsonl").read_text()


@pytest.mark.parametrize("odd_every", [0, 400, 3])
def test_the_swift_way_ends_in_the_same_bytes(tmp_path: Path, odd_every: int) -> None:
    """Without odd rows; with a few, which are judged where they are; with many, where processes take over."""
    lines = [
        json.dumps(chat(("user", f"{number}? " + "word " * 300), ("assistant", str(number))))
        for number in range(12_000)
    ]
    for number in range(0, len(lines), odd_every or len(lines)):
        lines[number] = lines[number].replace('"assistant"', '"nobody"') if odd_every else lines[number]
    swift = written(tmp_path, lines, processes=1)
    assert swift == written(tmp_path, lines, processes=0)
    assert swift[0]["rejected"] == (0 if not odd_every else 12_000 // odd_every)


def test_files_whose_rows_have_more_columns_are_not_tried() -> None:
    pair = {"prompt": "q", "completion": "a"}
    assert import_fast.fits(pairs.FORMAT, [pair, pair, {**pair, "id": 1}])
    assert not import_fast.fits(pairs.FORMAT, [pair, {**pair, "id": 1}, "no object"])
    assert not import_fast.fits(pairs.FORMAT, [{"question": "q", "answer": "a"}])
    assert not import_fast.fits(alpaca.FORMAT, [pair])


def test_after_too_many_odd_blocks_the_processes_go_on(tmp_path: Path) -> None:
    file = tmp_path / "rows"
    file.write_text('{"messages": 1}\n')
    handed: list[Block] = []

    def processes(blocks: Any) -> Any:
        handed.extend(blocks)
        return iter(())

    blocks = (Block(str(file), 0, file.stat().st_size, done=number) for number in range(40))
    done = [
        block.done for block, verdicts in import_fast.judged(blocks, messages.FORMAT, processes, 1) if verdicts.rejected
    ]
    assert done + [block.done for block in handed] == list(range(40))
    assert len(handed) > 20
