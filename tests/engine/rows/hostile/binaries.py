"""Parquet and Arrow that are broken, encrypted, enormous inside or strangely typed; files that are no data."""

import datetime
import decimal
import io
import pickle
import sqlite3
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.engine.rows.hostile.case import Case

TEXTS = {"text": ["some text"] * 99}


def parquet(columns: Any, **how: Any) -> bytes:
    made = io.BytesIO()
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    pq.write_table(table, made, **how)
    return made.getvalue()


def arrow(columns: Any, stream: bool = False) -> bytes:
    made = io.BytesIO()
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(made, table.schema) as writer:
        writer.write_table(table)
    return made.getvalue()


def twice() -> pa.Table:
    return pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])


def bad_utf8() -> pa.Array:
    raw = pa.array([b"good", b"\xff\xfe"], pa.binary())
    return pa.Array.from_buffers(pa.string(), 2, raw.buffers())


def deep(levels: int) -> pa.Array:
    array: pa.Array = pa.array(["a"])
    for _ in range(levels):
        array = pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), array)
    return array


def odd_types() -> dict[str, Any]:
    day = datetime.datetime(2020, 1, 1)
    return {
        "text": ["a", None],
        "bytes": [b"x", None],
        "day": [day, None],
        "length": [datetime.timedelta(1), None],
        "money": [decimal.Decimal("1.5"), None],
        "map": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
        "float": [float("nan"), float("inf")],
    }


def extension() -> pa.Table:
    uuids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16)], pa.binary(16)))
    return pa.table({"text": ["a"], "id": uuids})


def one_huge_cell(megabytes: int) -> Callable[[Path], None]:
    """A cell of many megabytes that compresses to next to nothing."""

    def write(path: Path) -> None:
        schema = pa.schema([("text", pa.large_string())])
        with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=False) as writer:
            writer.write_table(pa.table({"text": pa.array(["a" * (megabytes << 20)], pa.large_string())}))

    return write


def many_from_one(path: Path) -> None:
    """300 MB in one row group, from one string of 1 MB kept once."""
    array = pa.DictionaryArray.from_arrays(pa.array([0] * 300, pa.int32()), pa.array(["a" * (1 << 20)]))
    pq.write_table(pa.table({"text": array}), path, compression="zstd")


def changed(content: bytes, at: int, by: bytes) -> bytes:
    at = at if at >= 0 else len(content) + at
    return content[:at] + by + content[at + len(by) :]


def zipped(**files: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return made.getvalue()


def sqlite(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("create table t (prompt, completion)")
    database.close()


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (eval, ("open('/tmp/tunesmith-hostile-ran', 'w')",))


TENSORS = struct.pack("<Q", 2) + b"{}"
OFFICE = {"[Content_Types].xml": "<Types/>", "word/document.xml": "<w/>"}

CASES = [
    Case("cut off.parquet", "failed broken or cut off", parquet(TEXTS)[:-20]),
    Case("cut off in the data.parquet", "failed", parquet(TEXTS)[:60]),
    Case("only the magic.parquet", "failed", b"PAR1"),
    Case("the magic twice.parquet", "failed", b"PAR1PAR1"),
    Case("noise inside.parquet", "failed broken", b"PAR1" + b"\x07" * 500 + b"PAR1"),
    Case("a footer longer than the file.parquet", "failed", changed(parquet(TEXTS), -8, struct.pack("<I", 2**31 - 1))),
    Case("a footer of length zero.parquet", "failed", changed(parquet(TEXTS), -8, bytes(4))),
    Case("a footer of noise.parquet", "failed", changed(parquet(TEXTS), -60, b"\xff" * 40)),
    Case("a bad page.parquet", "failed broken", changed(parquet({"text": ["abc"] * 99}), 4, b"\xff" * 30)),
    Case("the end of another file.parquet", "failed", parquet(TEXTS)[:200] + parquet({"a": [1]})[-100:]),
    Case("encrypted.parquet", "failed", b"PARE" + b"\x00" * 200 + b"PARE"),
    Case("no rows.parquet", "failed no rows", parquet({"text": pa.array([], pa.string())})),
    Case("no columns.parquet", "failed", parquet(pa.table({}))),
    Case("3,000 columns.parquet", "failed columns", parquet({f"c{number}": [1] for number in range(3000)})),
    Case("a column twice.parquet", "ready 1", parquet(twice())),
    Case("bad UTF-8.parquet", "ready 1 not_utf8", parquet({"text": bad_utf8()})),
    Case("odd types.parquet", "ready 1", parquet(odd_types())),
    Case("lists 100 deep.parquet", "failed deep", parquet({"text": ["a"], "x": deep(100)})),
    Case("only null.parquet", "failed", parquet({"text": pa.array([None] * 5, pa.string())})),
    Case("the null type.parquet", "failed", parquet({"text": pa.nulls(3)})),
    Case("an extension type.parquet", "ready 1", parquet(extension())),
    Case("text as bytes.parquet", "failed not text", parquet({"text": pa.array([b"abc", b"\xff"], pa.binary())})),
    Case("text as a dictionary.parquet", "ready 2", parquet({"text": pa.array(["a", "b"]).dictionary_encode()})),
    Case("LZ4.parquet", "ready 99", parquet(TEXTS, compression="lz4")),
    Case("Brotli.parquet", "ready 99", parquet(TEXTS, compression="brotli")),
    Case("9,000 row groups.parquet", "ready 9000", parquet({"text": ["a"] * 9000}, row_group_size=1)),
    Case("a cell of 17 MB.parquet", "failed 17 MB", one_huge_cell(17)),
    Case("a cell of 200 MB.parquet", "failed 200 MB", one_huge_cell(200)),
    Case("300 MB from one string.parquet", "ready 300", many_from_one),
    Case("a script as a column.parquet", "needs_mapping", parquet({"<img src=x onerror=alert(1)>": ["a"], "b": ["c"]})),
    Case("lists 60 deep.arrow", "ready 1", arrow({"text": ["a"], "x": deep(60)})),
    Case("cut off.arrow", "failed", arrow(TEXTS)[:-40]),
    Case("cut off stream.arrow", "failed", arrow(TEXTS, stream=True)[:300]),
    Case("only the magic.arrow", "failed", b"ARROW1\0\0"),
    Case("noise inside.arrow", "failed", b"ARROW1\0\0" + b"\x07" * 500 + b"ARROW1"),
    Case("a metadata length of 2 GB.arrow", "failed", b"\xff\xff\xff\xff" + struct.pack("<I", 2**31 - 1) + b"x" * 100),
    Case("changed in the middle.arrow", "failed broken", changed(arrow(TEXTS), 250, b"\xff" * 60)),
    Case("an extension type.arrow", "ready 1", arrow(extension())),
    Case("bad UTF-8.arrow", "failed UTF8", arrow({"text": bad_utf8()})),
    Case("odd types.arrow", "ready 1", arrow(odd_types())),
    Case("no rows.arrow", "failed", arrow({"text": pa.array([], pa.string())})),
    Case("a column twice.arrow", "ready 1", arrow(twice())),
    Case("Feather of the first version.feather", "failed Feather", b"FEA1" + bytes(100)),
    Case("an Excel sheet.xlsx", "failed zip", zipped(**OFFICE)),
    Case("an Excel sheet named csv.csv", "failed Excel", zipped(**OFFICE)),
    Case("an old Excel sheet.xls", "failed with a password", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)),
    Case("a Word file.docx", "failed Word", zipped(**OFFICE)),
    Case("rich text.rtf", "failed", b"{\\rtf1\\ansi Hello}"),
    Case("a PDF named txt.txt", "failed PDF", b"%PDF-1.7 ..."),
    Case("a database.csv", "failed SQLite", sqlite),
    Case("an image.png", "failed image", b"\x89PNG\r\n\x1a\n" + bytes(100)),
    Case("a photo named jsonl.jsonl", "failed image", b"\xff\xd8\xff\xe0" + bytes(100)),
    Case("a GIF.gif", "failed", b"GIF89a" + bytes(100)),
    Case("sound.wav", "failed", b"RIFF\x24\0\0\0WAVEfmt " + bytes(100)),
    Case("a film.mp4", "failed", b"\0\0\0\x18ftypmp42" + bytes(100)),
    Case("a program.jsonl", "failed program", b"\x7fELF" + bytes(100)),
    Case("a Windows program.csv", "failed", b"MZ\x90\0" + bytes(300)),
    Case("a pickle that runs.pkl", "failed", pickle.dumps(Evil())),
    Case("a pickle that runs.jsonl", "failed", pickle.dumps(Evil())),
    Case("weights.safetensors", "failed", TENSORS),
    Case("a model.gguf", "failed model", b"GGUF" + bytes(100)),
    Case("an array of NumPy.npy", "failed", b"\x93NUMPY\x01\0v\0{'descr': '<f8'}" + bytes(100)),
    Case("a web page.json", "failed web page", b"\n<!DOCTYPE html><html><script>alert(1)</script>"),
    Case("a web page named jsonl.jsonl", "failed web page", b"<html><body>404 Not Found</body></html>"),
    Case("a picture with a script.svg", "failed",
         b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
    Case("a picture with a script.jsonl", "failed", b"<svg onload='alert(1)'/>"),
    Case("XML with entities.xml", "failed", b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aa">]><l>&a;</l>'),
    Case("YAML that runs.yaml", "failed", b"!!python/object/apply:os.system ['touch /tmp/tunesmith-hostile-ran']\n"),
    Case("a script.py", "failed", b"import os\nos.system('touch /tmp/tunesmith-hostile-ran')\n"),
    Case("a script named jsonl.jsonl", "failed No row", b"import os\nos.system('touch /tmp/tunesmith-hostile-ran')\n"),
    Case("a shell script.sh", "failed", b"#!/bin/sh\ntouch /tmp/tunesmith-hostile-ran\n"),
    Case("an LFS pointer.parquet", "failed LFS", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
    Case("an LFS pointer.jsonl", "failed LFS", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
]  # fmt: skip
