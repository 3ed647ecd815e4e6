# ruff: noqa: N999  (its name is what it measures; it is only ever run)
"""Importing a large JSONL file, beside others that read it: `python -m tests.bench.import [--gb 1] [--rounds 3]`.

Makes a file of chats of about 1 kB (seeded; one in ten thousand breaks a rule, none is broken JSON, which the others do
not survive) and reads it in turn: by the studio's import worker, start to end, every row checked and kept; by
`datasets.load_dataset("json")` with a fresh cache; by polars and pyarrow.json where installed, which keep it all in
memory. Each in a process of its own, with its modules compiled and the file read once before, so that none pays for
the one behind it; every second round the other way round. `memory`: peak of the whole tree, shared pages counted once
(PSS); `only reading` leaves the start of Python and its imports out. Means something on an idle machine only.
"""

import argparse
import compileall
import importlib.util
import itertools
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
EVERY_SECONDS = 0.1
BROKEN_EVERY = 10_000
LETTERS = "eeeeetttaaaoooiinnsshhrrddllcumwfgypbvkjxqz"
WORDS = 20_000
COMMON = list(itertools.accumulate(1 / (rank + 3) for rank in range(WORDS)))
# Each prints the seconds it took without its imports, and the rows.
READERS = {
    "datasets": """
import sys, time, datasets
datasets.disable_progress_bars()
began = time.monotonic()
found = datasets.load_dataset("json", data_files=sys.argv[1], split="train", cache_dir=sys.argv[2])
print(time.monotonic() - began, len(found))
""",
    "polars": """
import sys, time, polars
began = time.monotonic()
found = polars.read_ndjson(sys.argv[1])
print(time.monotonic() - began, len(found))
""",
    "pyarrow": """
import sys, time, pyarrow.json
began = time.monotonic()
found = pyarrow.json.read_json(sys.argv[1])
print(time.monotonic() - began, len(found))
""",
}


@dataclass
class Taken:
    """What one reader took. Times in seconds, memory in bytes."""

    name: str
    seconds: float
    reading: float
    memory: int
    processes: int
    rows: int

    def line(self, size: int) -> str:
        return (
            f"{self.name:10} {self.seconds:8.1f} s {size / 1e6 / self.seconds:8.0f} MB/s {self.reading:8.1f} s "
            f"{size / 1e6 / self.reading:8.0f} MB/s {self.memory / 1e6:8.0f} MB in {self.processes} {self.rows:,} rows"
        )


def make(path: Path, most_bytes: float, most_rows: int | None) -> int:
    """Writes chats until there are enough bytes, or rows; returns the rows."""
    chance = random.Random(7)
    words = ["".join(chance.choices(LETTERS, k=chance.randint(2, 9))) for _ in range(WORDS)]
    words[200::200] = ["".join(chance.choices("äöéñ…", k=4)) for _ in words[200::200]]
    rows = written = 0
    with path.open("wb") as file:
        while written < most_bytes if most_rows is None else rows < most_rows:
            rows += 1
            written += file.write(_row(rows, chance, words))
    return rows


def _row(number: int, chance: random.Random, words: list[str]) -> bytes:
    turns = []
    for _ in range(chance.randint(1, 3)):
        asked, answered = (
            chance.choices(words, k=chance.randint(8, 36)),
            chance.choices(words, k=chance.randint(30, 80)),
        )
        turns += [{"role": "user", "content": " ".join(asked)}, {"role": "assistant", "content": " ".join(answered)}]
    if number % BROKEN_EVERY == 0:
        turns[-1]["content"] = ""
    return json.dumps({"messages": turns}, ensure_ascii=False).encode() + b"\n"


def _text(chance: random.Random, words: list[str], fewest: int, most: int) -> str:
    """Words as often as they come in a language, which is what makes text as compressible as it is."""
    return " ".join(chance.choices(words, cum_weights=COMMON, k=chance.randint(fewest, most)))


def by_studio(path: Path, folder: Path) -> Taken:
    """The worker as the studio starts it."""
    spec = folder / "spec.json"
    spec.write_text(json.dumps({"sources": [{"path": str(path), "name": path.name}], "mapping": None}))
    out = folder / "out"
    argv = [sys.executable, "-m", "engine.workers.data.import_files", str(spec), str(out)]
    seconds, memory, processes, _ = _run(argv)
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    result = events[-1]["result"]
    rows = result["accepted"] + result["repaired"] + result["rejected"]
    print(f"studio: {result['accepted']:,} accepted, {result['repaired']:,} repaired, {result['rejected']:,} rejected;"
          f" {(out / 'rows.parquet').stat().st_size / 1e6:.0f} MB kept")  # fmt: skip
    reading = events[-1]["at"] - next(event["at"] for event in events if event["kind"] == "started")
    return Taken("studio", seconds, reading, memory, processes, rows)


def by(name: str, path: Path, folder: Path) -> Taken:
    """One of READERS."""
    seconds, memory, processes, said = _run([sys.executable, "-c", READERS[name], str(path), str(folder / name)])
    reading, rows = said.split()[-2:]
    return Taken(name, seconds, float(reading), memory, processes, int(rows))


def _run(argv: list[str]) -> tuple[float, int, int, str]:
    """Runs a command: seconds, peak memory of its tree, most processes, what it printed."""
    began = time.monotonic()
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    peak, most, over = [0], [0], threading.Event()

    def watch() -> None:
        while not over.wait(EVERY_SECONDS):
            sizes = _memory(process.pid)
            peak[0], most[0] = max(peak[0], sum(sizes)), max(most[0], len(sizes))

    watcher = threading.Thread(target=watch)
    watcher.start()
    said, _ = process.communicate()
    seconds = time.monotonic() - began
    over.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{argv[:3]} failed")
    return seconds, peak[0], most[0], said


def _memory(pid: int) -> list[int]:
    sizes = []
    try:
        parent = psutil.Process(pid)
        for one in (parent, *parent.children(recursive=True)):
            sizes.append(one.memory_full_info().pss)
    except psutil.Error:
        pass  # it has just ended
    return sizes


def _fresh(name: str, path: Path, folder: Path) -> Taken:
    """One reader, with nothing of the one before it still on its way to the disk, and the file where it is quick."""
    own = folder / name
    own.mkdir()
    os.sync()
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass
    try:
        return by_studio(path, own) if name == "studio" else by(name, path, own)
    finally:
        shutil.rmtree(own)


def main() -> None:
    """Makes the file, then reads it with each in turn."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--gb", type=float, default=1.0)
    arguments.add_argument("--rows", type=int)
    arguments.add_argument("--rounds", type=int, default=1)
    arguments.add_argument("--folder", type=Path, help="where the file is made; a temporary folder when left out")
    chosen = arguments.parse_args()
    folder = Path(tempfile.mkdtemp(dir=chosen.folder))
    try:
        path = folder / "chats.jsonl"
        rows, size = make(path, chosen.gb * 1e9, chosen.rows), path.stat().st_size
        print(f"{rows:,} rows, {size / 1e6:.0f} MB, {psutil.cpu_count()} processors, Python {sys.version.split()[0]}")
        names = ["studio", *(name for name in READERS if importlib.util.find_spec(name))]
        compileall.compile_dir(ROOT / "engine", quiet=1)
        ratios = []
        for number in range(chosen.rounds):
            found = {name: _fresh(name, path, folder) for name in (names if number % 2 == 0 else names[::-1])}
            taken = [found[name] for name in names]
            print(f"{'':10} {'start to end':>22} {'only reading':>23} {'memory':>12}")
            for one in taken:
                print(one.line(size))
            ratios.append(taken[1].seconds / taken[0].seconds)
            print(f"start to end, datasets over the studio: {ratios[-1]:.2f}", flush=True)
        print(f"in the middle {statistics.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
