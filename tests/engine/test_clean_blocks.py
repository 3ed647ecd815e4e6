"""Blocks read by Arrow at once: taken only where judging row by row would take every row just so."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.data import clean_blocks
from engine.data.judged import judged
from engine.data.known import messages
from engine.workers import import_blocks, import_data, import_swift
from engine.workers.import_blocks import Block


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


@settings(max_examples=400, deadline=None)
@given(st.lists(LINES, max_size=4), st.sampled_from(["\n", "\r\n", "\n\n"]))
@example([GOOD + GOOD, ""], "\n")
@example(['{"messages":[{"role":"user","content":"q"},', '{"role":"assistant","content":"a"}]}'], "\n")
def test_a_block_is_taken_only_as_a_judge_would_take_it(lines: list[str], ending: str) -> None:
    block = "".join(line + ending for line in lines).encode("utf-8", "surrogatepass")
    found = clean_blocks.plain_chats(block)
    if found is not None:
        one_by_one = judged(import_blocks.rows_in(block), messages.FORMAT)
        assert (found.rows, one_by_one.rejected, one_by_one.repaired) == (one_by_one.rows, [], 0)
        assert found.batch.equals(one_by_one.batch)


def test_clean_chats_are_taken_at_once() -> None:
    rows = [
        chat(("system", "ä"), ("user", "日本?"), ("assistant", "ja\n")),
        chat(*[("user", "q"), ("assistant", "a")] * 70),
    ]
    block = b"".join(json.dumps(row, ensure_ascii=n == 0).encode() + b"\n" for n, row in enumerate(rows))
    found = clean_blocks.plain_chats(block)
    assert found is not None
    assert found.batch.equals(judged(rows, messages.FORMAT).batch)
    for spoilt in (
        block.replace(b"ja", b"\xff\xfe"),
        block.replace(b"ja", b"\xed\xa0\x80"),
        block.replace(b"\n", b"\r\n"),
    ):
        assert clean_blocks.plain_chats(spoilt) is None


def written(tmp_path: Path, lines: list[str], **spec: Any) -> tuple[dict[str, Any], str]:
    file, out = tmp_path / "rows.jsonl", tmp_path / str(spec)
    file.write_text("\n".join(lines))
    out.mkdir()
    result = import_data.work({"sources": [{"path": str(file), "name": "rows.jsonl"}], "mapping": None, **spec}, out)
    return result, (out / "rejected.jsonl").read_text()


@pytest.mark.parametrize("odd_every", [0, 400, 3])
def test_the_swift_way_ends_in_the_same_bytes(tmp_path: Path, odd_every: int) -> None:
    """Without odd rows; with a few, which are judged where they are; with many, where processes take over."""
    lines = [json.dumps(chat(("user", f"{n}? " + "word " * 300), ("assistant", str(n)))) for n in range(12_000)]
    for n in range(0, len(lines), odd_every or len(lines)):
        lines[n] = lines[n].replace('"assistant"', '"nobody"') if odd_every else lines[n]
    swift = written(tmp_path, lines, processes=1)
    assert swift == written(tmp_path, lines, processes=0)
    assert swift[0]["rejected"] == (0 if not odd_every else 12_000 // odd_every)


def test_after_too_many_odd_blocks_the_processes_go_on(tmp_path: Path) -> None:
    file = tmp_path / "rows"
    file.write_text('{"messages": 1}\n')
    handed: list[Block] = []

    def processes(blocks: Any) -> Any:
        handed.extend(blocks)
        return iter(())

    every = (Block(str(file), 0, file.stat().st_size, done=n) for n in range(40))
    done = [block.done for block, found in import_swift.judged(every, messages.FORMAT, processes, 1) if found.rejected]
    assert done + [block.done for block in handed] == list(range(40))
    assert len(handed) > 20
