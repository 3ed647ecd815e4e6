"""Makes every hostile file: `python -m tests.engine.rows.hostile.make FOLDER`. Says how many there are."""

import os
import sys
from pathlib import Path

from tests.engine.rows.hostile import binaries, packed, rows, tables, texts
from tests.engine.rows.hostile.case import GOOD, Case

CASES: tuple[Case, ...] = (*texts.CASES, *tables.CASES, *rows.CASES, *binaries.CASES, *packed.CASES)

# Places that are no plain files, by name.
PLACES = (
    "a link out.jsonl",
    "a link to nothing.jsonl",
    "a loop of links.jsonl",
    "a link to dev zero.jsonl",
    "a link to the environment.jsonl",
    "a pipe.jsonl",
    "a folder.jsonl",
    "a socket.jsonl",
    "a terabyte of nothing.jsonl",
)

# Names that a browser or a program may send along with a file.
NAMES = (
    "../../x.jsonl", "..%2f..%2fx.jsonl", "..%252fx.jsonl", "....//x.jsonl", "/etc/passwd", "~root/x.jsonl",
    "C:\\x.jsonl",
    "\\\\host\\share\\x.jsonl", "file:///etc/passwd", "a\nb.jsonl", "a\r\nX-Evil: 1.jsonl", "a\x00b.jsonl",
    "a" * 300 + ".jsonl", ".", "..", " ", "", "CON.jsonl", "-rf.jsonl", "--output=x.jsonl", "$(touch x).jsonl",
    "`id`.jsonl", "; id.jsonl", "%s%n.jsonl", "😀.jsonl", "abc\u202elnosj.exe", "e\u0301.jsonl", "\ud800.jsonl",
    "<img src=x onerror=alert(1)>.jsonl", "{{7*7}}.jsonl", "x.JSONL", "x.jsonl.", "x.jsonl ", ".jsonl", 
    "x.tar.gz.jsonl",     "x.jsonl\"; filename=\"y.parquet", "\x1b[2J.jsonl", "a/b/c.jsonl", "nul\u2028line.jsonl",
)  # fmt: skip


def make(folder: Path) -> dict[str, Path]:
    """Every file and place by its name."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {case.name: case.write(folder) for case in CASES}
    places(folder)
    return made | {name: folder / name for name in PLACES}


def places(folder: Path) -> None:
    """Links, pipes, folders and a sparse file."""
    (folder.parent / "outside.jsonl").write_bytes(GOOD)
    (folder / PLACES[0]).symlink_to(folder.parent / "outside.jsonl")
    (folder / PLACES[1]).symlink_to(folder / "gone")
    (folder / PLACES[2]).symlink_to(folder / PLACES[2])
    (folder / PLACES[3]).symlink_to("/dev/zero")
    (folder / PLACES[4]).symlink_to("/proc/self/environ")
    os.mkfifo(folder / PLACES[5])
    (folder / PLACES[6]).mkdir()
    os.mknod(folder / PLACES[7], 0o140600)
    with (folder / PLACES[8]).open("wb") as file:
        file.truncate(1 << 40)


if __name__ == "__main__":
    made = make(Path(sys.argv[1]))
    sys.stdout.write(f"{len(made)} files in {sys.argv[1]}, and {len(NAMES)} names to send with one.\n")
