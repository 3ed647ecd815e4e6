"""Archives: every program opens them, their size is known before, and their memory does not grow with the files."""

import io
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from engine.exports.archive import CHUNK_BYTES, Archive, Entry


@pytest.mark.parametrize("sizes", [[], [0], [1], [511, 512, 513], [CHUNK_BYTES, 2 * CHUNK_BYTES + 7]])
def test_an_archive_is_as_long_as_it_says_and_holds_its_files(sizes: list[int], tmp_path: Path) -> None:
    entries = []
    for number, size in enumerate(sizes):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(bytes([number + 1]) * size)
        entries.append(Entry(path.name, path, size))
    archive = Archive("model", [*entries, Entry("README.md", b"card", 4)], 1_700_000_000.5)
    content = b"".join(archive.chunks())
    assert len(content) == archive.size
    assert archive.content_bytes == sum(sizes) + 4
    with tarfile.open(fileobj=io.BytesIO(content)) as opened:
        assert opened.getnames() == [*(f"model/{entry.name}" for entry in entries), "model/README.md"]
        for entry in archive.entries:
            member = opened.extractfile(f"model/{entry.name}")
            assert member is not None
            assert member.read() == b"".join(entry.chunks())
            assert opened.getmember(f"model/{entry.name}").mtime == 1_700_000_000


def test_a_file_of_twenty_gigabytes_has_its_length_in_one_header(tmp_path: Path) -> None:
    archive = Archive("model", [Entry("model.safetensors", tmp_path / "huge", 20 << 30)], 0)
    header = next(archive.chunks())
    assert tarfile.TarInfo.frombuf(header, "ascii", "strict").size == 20 << 30
    assert archive.size == 512 + (20 << 30) + 1024


def test_sending_a_large_file_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(64 << 20)
    archive = Archive("model", [Entry(path.name, path, 64 << 20)], 0)
    tracemalloc.start()
    sent = sum(len(chunk) for chunk in archive.chunks())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sent == archive.size
    assert peak < 4 * CHUNK_BYTES


def test_a_file_that_became_shorter_ends_the_archive_instead_of_making_a_wrong_one(tmp_path: Path) -> None:
    path = tmp_path / "short.bin"
    path.write_bytes(b"1234")
    with pytest.raises(OSError, match="shorter"):
        list(Archive("model", [Entry(path.name, path, 10)], 0).chunks())
