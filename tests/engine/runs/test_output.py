"""The log of a run: followed by offset, searched, downloaded; the middle of a very long one goes back to the disk."""

import os
import sys
import tracemalloc
from pathlib import Path

import pytest

from engine.errors import NotFoundError
from engine.process import output as printed
from engine.process import shim
from engine.runs import output
from storage import home
from tests.browser.stored_runs import add_run

LINES = [
    "Loading the model",
    "  5%|5         | 1/20 [00:01<00:19,  1.0s/it]",
    "FutureWarning: `x` will go",
    "Traceback (most recent call last):",
    "RuntimeError: token=abcdef1234 was refused",
]


@pytest.fixture
def run_id() -> str:
    return add_run("talks")


@pytest.fixture
def log(run_id: str) -> Path:
    return home.ensure_folder(home.run_folder(run_id)) / output.FILE


def test_it_is_read_in_whole_lines_from_an_offset_without_colours_or_secrets(run_id: str, log: Path) -> None:
    assert output.text(run_id) == ("", 0)
    log.write_bytes("eins\n\x1b[1mzwei\x1b[0m für\ntoken=abcdef1234\n".encode())
    assert output.text(run_id, 0, most_bytes=8) == ("eins\n", 5)
    assert output.text(run_id, 5) == ("zwei für\ntoken=[hidden]\n", log.stat().st_size)
    assert output.text(run_id, -17)[0] == "token=[hidden]\n"
    assert output.text(run_id, 10_000) == ("", log.stat().st_size)
    log.write_bytes("ü".encode()[:1])
    assert output.text(run_id) == ("", 0)


def test_there_is_no_log_of_no_run() -> None:
    for look in (output.text, output.search, output.whole):
        with pytest.raises(NotFoundError):
            look("gone")


@pytest.mark.parametrize(
    ("line", "level"), list(zip(LINES, ["other", "progress", "warning", "error", "error"], strict=True))
)
def test_each_line_has_a_level(line: str, level: str) -> None:
    assert output.level_of(line) == level


@pytest.mark.parametrize(
    "line", ["no errors so far", "error_rate 0.1", "warnings are off", "loss 5% of 20", "terror: none", "INFO fine"]
)
def test_words_that_only_look_like_trouble_are_none(line: str) -> None:
    assert output.level_of(line) == "other"


def test_lines_are_found_by_words_and_level_with_the_place_to_read_on(run_id: str, log: Path) -> None:
    assert output.search(run_id) == output.Found([], None)
    log.write_text("\n".join(LINES) + "\n")
    found = output.search(run_id, level="error", limit=1)
    assert [line.text for line in found.lines] == [LINES[3]]
    assert output.text(run_id, found.lines[0].offset)[0].startswith(LINES[3])
    assert found.next is not None
    rest = output.search(run_id, level="error", after=found.next)
    assert [line.text for line in rest.lines] == ["RuntimeError: token=[hidden] was refused"]
    assert rest.next is None
    assert [line.text for line in output.search(run_id, "LOADING").lines] == [LINES[0]]
    assert output.search(run_id, "abcdef1234").lines == []


def test_a_line_without_an_end_is_found_and_an_endless_one_is_cut(run_id: str, log: Path) -> None:
    log.write_bytes(b"first\n" + b"x" * (3 * printed.BLOCK) + b"\nlast")
    found = output.search(run_id)
    assert found.lines[0].text == "first"
    assert found.lines[-1] == output.Line(log.stat().st_size - 4, "last", "other")
    assert {len(line.text) for line in found.lines[1:-1]} <= {printed.LONGEST, printed.LONGEST - 1} | set(
        range(printed.LONGEST)
    )
    assert b"".join(output.whole(run_id)) == log.read_bytes()


def test_a_search_stops_after_so_many_bytes_and_goes_on_there(
    run_id: str, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.write_text("".join(f"line {number:03}\n" for number in range(100)))
    monkeypatch.setattr(printed, "SCANNED", 90)
    first = output.search(run_id, "line 099")
    assert (first.lines, first.next) == ([], 90)
    monkeypatch.setattr(printed, "SCANNED", 10_000)
    assert [line.offset for line in output.search(run_id, "line 099", after=90).lines] == [891]


def long_log(log: Path) -> int:
    """A log of 1.2 MB whose middle is gone."""
    log.write_text("".join(f"line {number:06}\n" for number in range(100_000)))
    shim.shorten(log, head=64 << 10, tail=128 << 10)
    return log.stat().st_size


def test_the_middle_of_a_long_log_gives_its_disk_back_and_offsets_stay(run_id: str, log: Path) -> None:
    size = long_log(log)
    assert size == 1_200_000
    assert log.stat().st_blocks * 512 < 210 << 10
    with log.open("a") as file:  # the worker goes on
        file.write("the end\n")
    assert output.text(run_id, -20)[0] == "line 099999\nthe end\n"[-20:]
    text, offset = output.text(run_id)
    while offset < size:
        more, offset = output.text(run_id, offset)
        text += more
    assert text.startswith("line 000000\nline 000001\n")
    assert "\n[999 kB were left out here: the log is long]\n" in text
    assert text.endswith("line 099999\nthe end\n")
    assert "\0" not in text
    assert len(text) < 210 << 10
    found = output.search(run_id, "the end")
    assert [(line.offset, line.text) for line in found.lines] == [(size, "the end")]
    assert len(b"".join(output.whole(run_id))) < 210 << 10


def test_a_short_log_is_left_alone(log: Path) -> None:
    log.write_text("x" * 300_000)
    shim.shorten(log, head=64 << 10, tail=128 << 10)
    assert log.read_text() == "x" * 300_000
    shim.shorten(log.with_name("none"))


def test_where_a_file_can_have_no_hole_it_begins_anew(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    long_log(log)
    assert log.stat().st_size == 0


def test_a_gigabyte_is_read_in_little_memory(run_id: str, log: Path) -> None:
    with log.open("wb") as file:
        os.ftruncate(file.fileno(), 1 << 30)
        file.seek(1 << 30)
        file.write(b"the end\n")
    tracemalloc.start()
    assert output.text(run_id, -1000)[0].endswith("the end\n")
    assert [line.text for line in output.search(run_id, "the end").lines] == ["the end"]
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()
