"""Broken and hostile files: each ends, soon, in verdicts or a plain error, and leaves nothing behind."""

import contextlib
import gzip
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import events
from engine.workers import contract, import_data
from tests.conftest import ROOT

GOOD = b'{"text": "good"}\n'


def parquet(folder: Path, columns: dict[str, Any]) -> bytes:
    pq.write_table(pa.table(columns), folder / "made")
    return (folder / "made").read_bytes()


def bad_utf8_parquet(folder: Path) -> bytes:
    raw = pa.array([b"good", b"\xff\xfe"], pa.binary())
    return parquet(folder, {"text": pa.Array.from_buffers(pa.string(), 2, raw.buffers())})


def run(folder: Path, content: bytes, name: str) -> tuple[str, dict[str, Any]]:
    """How the import of such a file ends: (status, result)."""
    (folder / "source").write_bytes(content)
    (folder / "spec.json").write_text(json.dumps({"source": str(folder / "source"), "name": name}))
    with contextlib.suppress(contract.WorkFailedError):
        contract.run(import_data.work, [str(folder / "spec.json"), str(folder)])
    assert not list(folder.glob("*.part"))
    end = events.read(folder)[0][-1]
    if isinstance(end, events.Failed):
        assert end.category == "data"
        assert end.hint
        return "failed", {"error": end.message}
    assert isinstance(end, events.Finished)
    if "rows" in end.result:
        assert sum(end.result[part] for part in ("accepted", "repaired", "rejected")) == end.result["rows"]
    return end.result["status"], end.result


def bad_page(folder: Path) -> bytes:
    content = parquet(folder, {"text": ["abc"] * 99})
    return content[:4] + b"\xff" * 30 + content[34:]


def wide_parquet(folder: Path) -> bytes:
    return parquet(folder, {f"c{n}": [1] for n in range(3000)})


def bomb(_folder: Path) -> bytes:
    return gzip.compress(b"a" * (10 << 20)) * 40


def odd_types(folder: Path) -> bytes:
    return parquet(folder, {"text": ["a", None], "t": [b"x", b"y"]})


def turns(*roles: str) -> bytes:
    return json.dumps([{"messages": [{"role": role, "content": "x"} for role in roles]}]).encode()


FAILING: list[tuple[str, str, bytes | Callable[[Path], bytes], str]] = [
    ("nothing", "a.jsonl", b"", "empty"),
    ("nothing, packed", "a.jsonl.gz", gzip.compress(b""), "empty"),
    ("only blanks", "a.jsonl", b"\n \n\n", "no rows"),
    ("only a byte order mark", "a.csv", b"\xef\xbb\xbf", "no rows"),
    ("only a header", "a.csv", b"prompt,completion\n", "no rows"),
    ("an empty array", "a.json", b"[]", "no rows"),
    ("an array cut off", "a.json", b'[{"text": "a"}, {"text": "b', "broken after row 1"),
    ("an array not closed", "a.json", b'[{"text": "a"}', "broken after row 1"),
    ("something after the array", "a.json", b'[{"text": "a"}] {"text": "b"}', "follows"),
    ("brackets that do not match", "a.json", b'[{"text": "a"}}]', "brackets"),
    ("an object cut off", "a.json", b'{"text": \n "a"', "broken"),
    ("no JSON at all", "a.json", b"hello there", "does not hold JSON"),
    ("lines that are no JSON", "a.jsonl", b"hello\nthere\n", "No row can be read"),
    ("numbers", "a.jsonl", b"1\n2\n3\n", "no named columns"),
    ("2,000 brackets", "a.json", b"[" * 2000 + b"]" * 2000, "No row can be read"),
    ("100,000 open brackets", "a.json", b"[" * 100_000, "broken"),
    ("100,000 open braces", "a.jsonl", b'{"a":' * 100_000, "broken"),
    ("random bytes", "a.jsonl", random.Random(1).randbytes(5000), "does not hold text"),
    ("NUL bytes", "a.csv", b"\0" * 5000, "does not hold text"),
    ("zip", "a.json", b"PK\x03\x04 more", "zip archive"),
    ("Excel named CSV", "a.csv", b"PK\x03\x04 more", "Excel"),
    ("PDF", "a.txt", b"%PDF-1.7 ...", "a PDF"),
    ("SQLite", "a.csv", b"SQLite format 3\0", "SQLite"),
    ("web page", "a.json", b"\n<!DOCTYPE html><html>", "a web page"),
    ("LFS pointer", "a.parquet", b"version https://git-lfs.github.com/spec/v1\n", "LFS"),
    ("zstd", "a.jsonl", b"\x28\xb5\x2f\xfd....", "zstd"),
    ("text named parquet", "a.parquet", GOOD, "no Parquet file"),
    ("JSON with an unknown ending", "a.docx", b"hello", "ending"),
    ("parquet cut off", "a.parquet", lambda folder: parquet(folder, {"text": ["a"] * 99})[:-20], "broken or cut off"),
    ("parquet of noise", "a.parquet", b"PAR1" + b"\x07" * 500 + b"PAR1", "broken or cut off"),
    ("parquet with a bad page", "a.parquet", bad_page, "broken"),
    ("parquet of 3,000 columns", "a.parquet", wide_parquet, "columns"),
    ("gzip cut off", "a.jsonl.gz", gzip.compress(GOOD * 9999)[:-9], "cut off"),
    ("gzip of noise", "a.jsonl.gz", b"\x1f\x8b\x08" + b"\x07" * 500, "broken"),
    ("gzip bomb", "a.jsonl.gz", bomb, "200 times"),
    ("a table of 20,000 columns", "a.csv", ",".join(f"c{n}" for n in range(20_000)).encode() + b"\n", "columns"),
    ("a column twice", "a.csv", b"text,text\na,b\n", "twice"),
    ("a quote never closed", "a.csv", b'text\n"' + (b"a" * 4095 + b"\n") * 4097, "cannot be read"),
    ("a 17 MB line in a table", "a.csv", b"text\n" + b"a" * (17 << 20), "longer than 16 MB"),
    ("a 17 MB row in an array", "a.json", b'[{"text": "' + b"a" * (17 << 20) + b'"}]', "longer than 16 MB"),
    ("10,000 turns of one role", "a.json", turns(*["assistant"] * 10_000), "starts with answer"),
]  # fmt: skip


@pytest.mark.parametrize(("_what", "name", "content", "words"), FAILING, ids=[row[0] for row in FAILING])
def test_such_a_file_fails_in_plain_words(
    tmp_path: Path, _what: str, name: str, content: bytes | Callable[[Path], bytes], words: str
) -> None:
    begun = time.monotonic()
    status, result = run(tmp_path, content if isinstance(content, bytes) else content(tmp_path), name)
    assert status == "failed"
    assert words in result["error"]
    assert time.monotonic() - begun < 10


VERDICTS: list[tuple[str, str, bytes | Callable[[Path], bytes], list[str], int]] = [
    ("a broken row", "a.jsonl", GOOD + b"{broken\n" + GOOD, ["invalid_json"], 2),
    ("a half written last row", "a.jsonl", GOOD + b'{"text": "go', ["invalid_json"], 1),
    ("a 17 MB line", "a.jsonl", GOOD + b'{"text": "' + b"a" * (17 << 20) + b'"}\n' + GOOD, ["too_long"], 2),
    ("a lone surrogate", "a.jsonl", GOOD + b'{"text": "\\ud800"}\n', ["invalid_json"], 1),
    ("a lone surrogate in a table", "a.csv", "text\nGröße Übermaß\n".encode() + b"\xed\xa0\x80\n", ["broken_text"], 1),
    ("a NUL escape", "a.jsonl", b'{"text": "a\\u0000b"}\n', [], 1),
    ("a 1,000 deep row", "a.jsonl", GOOD + b'{"text": ' + b"[" * 1000 + b"]" * 1000 + b"}\n", ["not_text"], 1),
    ("rows of every kind", "a.jsonl", GOOD * 2 + b'1\nnull\n[]\n"x"\n{"a":1}\n{"prompt":"a","completion":"b"}\n',
     ["not_an_object"] * 4 + ["unknown_columns", "other_kind"], 2),
    ("NaN", "a.jsonl", GOOD + b'{"text": NaN}\n', ["invalid_json"], 1),
    ("huge numbers", "a.jsonl", GOOD + b'{"text": ' + b"9" * 5000 + b"}\n", ["invalid_json"], 1),
    ("a formula and a script", "a.csv", b'text,n\n"=HYPERLINK(""x"")",1\n<img src=x onerror=alert(1)>,2\n', [], 2),
    ("parquet with bad UTF-8", "a.parquet", bad_utf8_parquet, ["not_utf8"], 1),
    ("parquet with odd types", "a.parquet", odd_types, ["empty_text"], 1),
    ("10,000 turns", "a.json", turns(*["user", "assistant"] * 5000), [], 1),
]  # fmt: skip


@pytest.mark.parametrize(("_what", "name", "content", "rules", "taken"), VERDICTS, ids=[row[0] for row in VERDICTS])
def test_such_rows_are_named_and_the_others_taken(
    tmp_path: Path, _what: str, name: str, content: bytes | Callable[[Path], bytes], rules: list[str], taken: int
) -> None:
    status, result = run(tmp_path, content if isinstance(content, bytes) else content(tmp_path), name)
    assert status == "ready"
    assert result["accepted"] + result["repaired"] == taken
    rejected = [json.loads(line) for line in (tmp_path / "rejected.jsonl").read_text().splitlines()]
    assert [row["rule"] for row in rejected] == rules


@pytest.mark.parametrize("what", ["link", "folder", "pipe", "gone"])
def test_the_worker_reads_only_plain_files(tmp_path: Path, what: str) -> None:
    source = tmp_path / "odd"
    if what == "link":
        source.symlink_to(ROOT / "pyproject.toml")
    elif what == "folder":
        source.mkdir()
    elif what == "pipe":
        os.mkfifo(source)
    with pytest.raises(contract.WorkFailedError):
        import_data.work({"source": str(source), "name": "a.jsonl"}, tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=300), name=st.sampled_from(["a.json", "a.jsonl", "a.csv", "a.txt", "a.parquet", "a.gz"])
)
def test_any_bytes_end_in_verdicts_or_a_plain_error(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / "events.jsonl").unlink(missing_ok=True)
    run(tmp_path, content, name)


TURNS = st.lists(st.dictionaries(st.sampled_from(["role", "content"]), st.text(max_size=9)), max_size=3)
CELLS = st.none() | st.integers() | st.text(max_size=5) | TURNS
KEYS = st.sampled_from(
    ["messages", "instruction", "input", "output", "prompt", "completion", "text", "chosen", "label"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.dictionaries(KEYS, CELLS, max_size=4) | st.text(max_size=3), max_size=12))
def test_every_row_of_a_file_is_accounted_for(tmp_path: Path, rows: list[Any]) -> None:
    (tmp_path / "events.jsonl").unlink(missing_ok=True)
    status, result = run(tmp_path, "".join(json.dumps(row) + "\n" for row in rows).encode(), "a.jsonl")
    if status == "ready":
        assert result["rows"] == len(rows)
        assert pq.read_metadata(tmp_path / "rows.parquet").num_rows == result["accepted"] + result["repaired"]
        assert len((tmp_path / "rejected.jsonl").read_text().splitlines()) == result["rejected"]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    row = json.dumps(
        {"messages": [{"role": "user", "content": "a" * 300}, {"role": "assistant", "content": "b" * 700}]}
    )
    (tmp_path / "big.jsonl").write_text((row + "\n") * 100_000)  # 105 MB
    (tmp_path / "spec.json").write_text(json.dumps({"source": str(tmp_path / "big.jsonl"), "name": "big.jsonl"}))
    peak = "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')][0])"
    program = f"from engine.workers import contract, import_data\ncontract.run(import_data.work)\n{peak}"
    argv = [sys.executable, "-c", program, str(tmp_path / "spec.json"), str(tmp_path)]
    done = subprocess.run(argv, check=True, cwd=ROOT, capture_output=True, text=True)
    assert int(done.stdout) < 400 * 1024  # kB
