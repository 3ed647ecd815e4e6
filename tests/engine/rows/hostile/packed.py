"""Packed files: cut off, broken, one inside the other, and those that unpack without end; and archives."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa

from tests.engine.rows.hostile.binaries import parquet
from tests.engine.rows.hostile.case import GOOD, Case

MB = 1 << 20


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


def gzip_bomb(path: Path) -> None:
    """400 MB of one letter: members one after the other, each packed once."""
    path.write_bytes(gzip.compress(b"a" * (10 * MB)) * 40)


def zstd_bomb(path: Path) -> None:
    path.write_bytes(zstd(b"a" * (10 * MB)) * 40)


def bomb_of_rows(path: Path) -> None:
    """Good rows, as many as can be packed into little."""
    path.write_bytes(gzip.compress((b'{"text": "' + b"a" * 8000 + b'"}\n') * 1200) * 40)


def tarred(name: str, link: str = "") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = 0 if link else len(GOOD)
        if link:
            entry.type, entry.linkname = tarfile.SYMTYPE, link
        archive.addfile(entry, io.BytesIO(GOOD))
    return made.getvalue()


def zip_of(name: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, GOOD)
    return made.getvalue()


PACKED = gzip.compress(GOOD * 9999, mtime=0)

CASES = [
    Case("packed.jsonl.gz", "ready 9999", PACKED),
    Case("packed without the ending.jsonl", "ready 9999", PACKED),
    Case("packed with zstd.jsonl.zst", "ready 9999", zstd(GOOD * 9999)),
    Case("nothing packed.jsonl.gz", "failed empty", gzip.compress(b"")),
    Case("nothing packed.jsonl.zst", "failed", zstd(b"")),
    Case("packed and cut off.jsonl.gz", "failed cut off", PACKED[:-9]),
    Case("packed and cut to a half.jsonl.gz", "failed cut off", PACKED[: len(PACKED) // 2]),
    Case("cut to the magic.jsonl.gz", "failed", b"\x1f\x8b"),
    Case("cut to the magic.jsonl.zst", "failed", b"\x28\xb5\x2f\xfd"),
    Case("zstd cut off.jsonl.zst", "failed", zstd(GOOD * 9999)[:-9]),
    Case("gzip of noise.jsonl.gz", "failed broken", b"\x1f\x8b\x08" + b"\x07" * 500),
    Case("zstd of noise.jsonl.zst", "failed", b"\x28\xb5\x2f\xfd" + b"\x07" * 500),
    Case("gzip with a wrong sum.jsonl.gz", "failed broken", PACKED[:-8] + bytes(8)),
    Case("rubbish after gzip.jsonl.gz", "failed broken", PACKED + b"rubbish"),
    Case("two members.jsonl.gz", "ready 19998", PACKED * 2),
    Case("gzip of gzip.jsonl.gz", "failed", gzip.compress(PACKED)),
    Case("gzip of zip.jsonl.gz", "failed zip", gzip.compress(zip_of("a.jsonl"))),
    Case("gzip of Parquet.parquet.gz", "failed inside", gzip.compress(parquet({"text": ["a"]}))),
    Case("a gzip bomb.jsonl.gz", "failed", gzip_bomb),
    Case("a zstd bomb.jsonl.zst", "failed", zstd_bomb),
    Case("a bomb of good rows.jsonl.gz", "failed 200 times", bomb_of_rows),
    Case("bzip2.jsonl.bz2", "failed bzip2", bz2.compress(GOOD)),
    Case("xz.jsonl.xz", "failed xz", lzma.compress(GOOD)),
    Case("a zip.zip", "failed zip", zip_of("a.jsonl")),
    Case("a zip with a way out.zip", "failed zip", zip_of("../../etc/x")),
    Case("a zip named jsonl.jsonl", "failed zip", zip_of("a.jsonl")),
    Case("a tar.tar", "failed", tarred("a.jsonl")),
    Case("a tar with a way out.tar", "failed", tarred("../../../tmp/tunesmith-hostile-ran")),
    Case("a tar with a link.tar", "failed", tarred("a", link="/etc/passwd")),
    Case("a tar in gzip.tar.gz", "failed", gzip.compress(tarred("a.jsonl"))),
    Case("a tar named jsonl.jsonl", "failed does not hold text", tarred("a.jsonl")),
    Case("a 7z archive.7z", "failed 7z", b"7z\xbc\xaf\x27\x1c" + bytes(100)),
    Case("a RAR archive.rar", "failed", b"Rar!\x1a\x07\0" + bytes(100)),
    Case("a cabinet.cab", "failed", b"MSCF" + bytes(100)),
]  # fmt: skip
