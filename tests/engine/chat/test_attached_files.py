"""Files that go with a question: read in their encoding, fenced, or refused by name."""

from pathlib import Path

import pytest

from engine.chat import attached_files
from engine.errors import RefusedError


def test_a_file_stands_behind_the_question_in_a_fence_that_it_cannot_close(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("# Notes\n```python\nprint(1)\n```\n````\nend\n")
    asked = attached_files.question("Explain.", [(path, "notes.md")])
    assert asked == "Explain.\n\n`notes.md`\n\n`````markdown\n# Notes\n```python\nprint(1)\n```\n````\nend\n`````"
    assert attached_files.question("  ", [(path, "a.txt")]).startswith("`a.txt`\n\n`````\n# Notes")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_the_encoding_is_found_as_an_import_finds_it(tmp_path: Path, encoding: str) -> None:
    text = "이름,도시\n김민수,서울특별시\n이영희,부산광역시\n박철수,대구에서 태어났습니다\n"
    path = tmp_path / "x"
    path.write_bytes(text.encode(encoding))
    assert text.rstrip() in attached_files.question("", [(path, "people.csv")])


def test_a_hostile_name_is_shown_and_does_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("a")
    first = attached_files.question("", [(path, "../../etc/`x`\n# \u202egnp.py")]).split("\n")[0]
    assert first.startswith("`") and first.endswith("py`")  # noqa: PT018
    assert "/" not in first
    assert "\u202e" not in first
    assert first.count("`") == 2


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("cat.png", b"\x89PNG\r\n", "is a picture"),
        ("a.exe", b"MZ", "cannot be attached"),
        ("noending", b"a", "cannot be attached"),
        ("a.txt", bytes(range(256)) * 8, "does not hold text"),
        ("a.txt", b"\x1f\x8b\x08\x00", "a.txt"),
        ("a.txt", b"", "is empty"),
        ("big.csv", b"a,b\n" * 60_000, "big.csv` has"),
    ],
)
def test_what_is_no_small_text_is_refused_by_name(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(RefusedError) as refused:
        attached_files.question("?", [(path, name)])
    assert reason in refused.value.message
    assert refused.value.hint


def test_a_file_of_100_mb_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with path.open("wb") as file:
        file.truncate(100 << 20)
    with pytest.raises(RefusedError, match=r"huge.txt` has"):
        attached_files.question("?", [(path, "huge.txt")])


def test_files_are_bounded_together(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("a" * 30_001)
    with pytest.raises(RefusedError, match="characters"):
        attached_files.question("?", [(path, "a.txt"), (path, "b.txt")])
    with pytest.raises(RefusedError, match="6 files"):
        attached_files.question("?", [(path, "a.txt")] * 6)
