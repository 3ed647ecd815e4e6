"""Files to rows: every kind of file, every encoding, whatever its name says."""

import codecs
import contextlib
import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather

from engine.rows.errors import UnreadableError
from engine.rows.readers import choose, delimited, json_stream, unicode
from engine.rows.readers import lines as line_reader
from engine.rows.readers.source import Source
from engine.rows.verdict import Mended, Rejection

ROWS = [{"prompt": "Größe?", "completion": "x"}, {"prompt": "b\nc, d", "completion": '"e" {[\\ '}]


def read(path: Path, content: bytes, name: str | None = None) -> list[Any]:
    """The rows of a file with that content; a Rejection is shown by its rule."""
    path.write_bytes(content)
    source = Source(path)
    try:
        rows = list(choose.choose(source, name or path.name).rows(source))
        assert source.done == source.size
    finally:
        source.close()
    return [row.rule if isinstance(row, Rejection) else row.row if isinstance(row, Mended) else row for row in rows]


def jsonl(rows: list[Any]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def table(separator: str) -> bytes:
    cells = [["prompt", "completion"], ["Größe?", "x"], ['"b\nc, d"', '"""e"" {[\\ "']]
    return "\r\n".join(separator.join(row) for row in cells).encode()


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


PACK: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".zst": zstd}


def arrow(kind: str) -> bytes:
    """ROWS as an IPC file, an IPC stream or Feather."""
    table, sink = pa.Table.from_pylist(ROWS), pa.BufferOutputStream()
    if kind == "feather":
        feather.write_feather(table, sink, compression="lz4")
    else:
        with (pa.ipc.new_file if kind == "file" else pa.ipc.new_stream)(sink, table.schema) as writer:
            for batch in table.to_batches(max_chunksize=1):
                writer.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


def parquet(folder: Path, rows: list[dict[str, Any]] = ROWS) -> bytes:
    pq.write_table(pa.Table.from_pylist(rows), folder / "made")
    return (folder / "made").read_bytes()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", json.dumps(ROWS).encode()),
        ("a.json", json.dumps(ROWS, indent=4, ensure_ascii=False).encode()),
        ("a.json", b"\n [" + jsonl(ROWS).replace(b"}\n", b"},") + b"] \n"),
        ("a.json", jsonl(ROWS)),
        ("a.jsonl", jsonl(ROWS)),
        ("a.jsonl", jsonl(ROWS).replace(b"\n", b"\r\n\r\n").rstrip()),
        ("a.jsonl", json.dumps(ROWS).encode()),
        ("a.jsonl", b"\n".join(json.dumps(row, indent=1).encode() for row in ROWS)),
        ("a.csv", table(",")),
        ("a.csv", table(";")),
        ("a.csv", table("|")),
        ("a.tsv", table("\t")),
        ("a.txt", jsonl(ROWS)),
        ("noending", json.dumps(ROWS).encode()),
        ("a.csv", jsonl(ROWS)),
    ],
)
@pytest.mark.parametrize("packed", ["", ".gz", ".zst"], ids=["plain", "gzip", "zstd"])
def test_the_same_rows_are_found_however_they_are_written(
    tmp_path: Path, name: str, content: bytes, packed: str
) -> None:
    assert read(tmp_path / (name + packed), PACK[packed](content)) == ROWS


def test_parquet_is_read_whatever_its_name(tmp_path: Path) -> None:
    assert read(tmp_path / "a.parquet", parquet(tmp_path)) == ROWS
    assert read(tmp_path / "a.csv", parquet(tmp_path)) == ROWS
    with pytest.raises(UnreadableError, match="inside a gzip"):
        read(tmp_path / "a.parquet.gz", gzip.compress(parquet(tmp_path)))


@pytest.mark.parametrize("kind", ["file", "stream", "feather"])
def test_arrow_is_read_whatever_its_name(tmp_path: Path, kind: str) -> None:
    assert read(tmp_path / "a.arrow", arrow(kind)) == ROWS
    assert read(tmp_path / "a.txt", arrow(kind)) == ROWS
    with pytest.raises(UnreadableError, match="broken or cut off"):
        read(tmp_path / "cut.arrow", arrow(kind)[: len(arrow(kind)) // 2])
    with pytest.raises(UnreadableError, match="inside a zstd"):
        read(tmp_path / "a.arrow.zst", zstd(arrow(kind)))


def test_a_damaged_arrow_file_never_takes_the_worker_down(tmp_path: Path) -> None:
    for damage in range(0, 700, 7):
        content = bytearray(arrow("stream"))
        content[damage % len(content)] ^= 0xFF
        with contextlib.suppress(UnreadableError):
            read(tmp_path / "a.arrow", bytes(content))


def test_a_list_inside_one_object_is_read_as_rows(tmp_path: Path) -> None:
    array = json.dumps(ROWS, indent=1, ensure_ascii=False)
    for before in ("", '"version": "1.0", "count": 2, '):
        for after in ("", ', "more": {"a": [1]}'):
            content = f'{{{before}"data": {array}{after}}}'
            assert read(tmp_path / "a.json", content.encode()) == ROWS
            assert read(tmp_path / "a.json", json.dumps(json.loads(content)).encode()) == ROWS
    rows = [{"data": ROWS, "id": 1}, {"data": ROWS, "id": 2}]
    assert read(tmp_path / "a.jsonl", jsonl(rows)) == rows
    with pytest.raises(UnreadableError, match="broken after row 2"):
        read(tmp_path / "a.json", f'{{"data": {array[:-1]}'.encode())


def test_a_broken_or_endless_zstd_file_is_refused(tmp_path: Path) -> None:
    packed = zstd(jsonl(ROWS * 5000))
    with pytest.raises(UnreadableError, match="zstd file is broken or cut off"):
        read(tmp_path / "a.jsonl.zst", packed[:-10])
    assert read(tmp_path / "two.jsonl.zst", zstd(jsonl(ROWS)) * 2) == ROWS * 2
    with pytest.raises(UnreadableError, match="more than 200 times"):
        read(tmp_path / "bomb.jsonl.zst", zstd(jsonl([{"text": "a" * 1_000_000}] * 90)))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.csv"])
def test_other_encodings_are_noticed(tmp_path: Path, name: str, encoding: str) -> None:
    content = {"a.json": json.dumps(ROWS, ensure_ascii=False), "a.jsonl": jsonl(ROWS).decode()}
    content["a.csv"] = table(",").decode()
    assert read(tmp_path / name, content[name].encode(encoding)) == ROWS


def test_latin_1_is_noticed_behind_a_long_beginning_of_ascii(tmp_path: Path) -> None:
    rows = [{"text": "plain " * 50}] * 2000 + [{"text": "Größe"}]
    content = jsonl(rows).decode().encode("latin-1")
    assert read(tmp_path / "a.jsonl", content)[-1] == {"text": "Größe"}


def test_a_broken_byte_in_a_utf8_file_costs_one_row(tmp_path: Path) -> None:
    good = jsonl([{"text": "Größe Übermaß"}] * 3)
    assert read(tmp_path / "a.jsonl", good + b'{"text": "\xff"}\n' + good)[3] == "not_utf8"
    table_rows = read(tmp_path / "a.csv", "text,n\nGröße Übermaß,1\n".encode() + b"\xff,2\n")
    assert table_rows[0] == {"text": "Größe Übermaß", "n": "1"}
    assert table_rows[1] == "not_utf8"
    assert read(tmp_path / "a.txt", "Größe Übermaß\n\n".encode() + b"\xff\n\nend") == [
        {"text": "Größe Übermaß"},
        "not_utf8",
        {"text": "end"},
    ]


def test_a_character_cut_by_the_end_of_the_look_ahead_is_still_utf8() -> None:
    for cut in range(1, 4):
        piece = "abc€".encode()[:-cut] if cut < 3 else "abc😀".encode()[:-1]
        assert not unicode.is_old([unicode.whole_characters(piece)])
    assert unicode.is_old([b"abc\xe9"])
    assert unicode.encoding_of(codecs.BOM_UTF16_LE + b"a\0") == ("utf-16-le", codecs.BOM_UTF16_LE)


def test_paragraphs_and_lines_of_plain_text(tmp_path: Path) -> None:
    assert read(tmp_path / "a.md", b"# One\nline\n\n\ntwo\n \nthree") == [
        {"text": "# One\nline"},
        {"text": "two"},
        {"text": "three"},
    ]
    assert read(tmp_path / "a.txt", b"one\r\ntwo\r\n") == [{"text": "one"}, {"text": "two"}]
    assert read(tmp_path / "a.md", b"[link](x) is no JSON") == [{"text": "[link](x) is no JSON"}]


def test_rows_that_are_no_json_are_named_one_by_one(tmp_path: Path) -> None:
    deep = b"[" * 2000 + b"]" * 2000
    lines = [
        b'{"text": "a"}',
        b"{broken",
        b"{}",
        b'{"text": NaN}',
        b'{"a": ' + deep + b"}",
        b'{"text": "\\ud800"}',
        b"7",
    ]
    assert read(tmp_path / "a.jsonl", b"\n".join(lines)) == [
        {"text": "a"},
        "invalid_json",
        {},
        {"text": None},
        "invalid_json",
        "invalid_json",
        7,
    ]
    assert read(tmp_path / "a.json", b"[" + b",".join([lines[0], *lines[2:]]) + b"]") == [
        {"text": "a"},
        {},
        {"text": None},
        "invalid_json",
        "invalid_json",
        7,
    ]


def test_ragged_rows_of_a_table_are_named(tmp_path: Path) -> None:
    assert read(tmp_path / "a.csv", b"a,b\n1,2\n3\n\n4,5,6\n") == [{"a": "1", "b": "2"}, "cells", "cells"]


def test_the_delimiter_is_the_one_that_makes_a_table() -> None:
    assert delimited.delimiter_of("a;b\n1,5;2\n2,5;3\n") == ";"
    assert delimited.delimiter_of("a,b\nx;y;z,2\n") == ","
    assert delimited.delimiter_of("text\njust, words; here\n") == ","


def test_a_line_that_is_too_long_is_passed_over_without_keeping_it() -> None:
    chunks = [b"a\nbb", b"bbbbb", b"bbb\ncc\n", b"d" * 6 + b"\n", b"eeeeeeee"]
    assert list(line_reader.lines(chunks, most=4)) == [b"a\n", None, b"cc\n", None, None]
    assert list(line_reader.lines([b"one", b"\n", b"two\n"])) == [b"one\n", b"two\n"]


class Fed:
    """A source of given chunks."""

    def __init__(self, text: bytes, size: int) -> None:
        self.text, self.size = text, size

    def text_head(self) -> bytes:
        return self.text

    def chunks(self) -> Iterator[bytes]:
        for start in range(0, len(self.text), self.size):
            yield self.text[start : start + self.size]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(JSON, max_size=5), st.integers(1, 40), st.sampled_from([None, 1]), st.booleans())
def test_an_array_gives_its_items_wherever_the_chunks_end(
    rows: Any, size: int, indent: int | None, ascii: bool
) -> None:
    fed: Any = Fed(json.dumps(rows, indent=indent, ensure_ascii=ascii).encode(), size)
    assert list(json_stream.rows(fed)) == rows


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet='[]{}",:\\ a1\n', max_size=40), st.integers(1, 10))
def test_broken_json_ends_in_rows_or_a_plain_error(text: str, size: int) -> None:
    fed: Any = Fed(text.encode(), size)
    with contextlib.suppress(UnreadableError):
        list(json_stream.rows(fed))
