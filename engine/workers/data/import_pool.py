"""Processes that judge the blocks of a file side by side, and hand the verdicts back in the order of the file.

Each has a pipe to the importing worker, for small words as JSON; the verdicts themselves go through a file (Arrow, then
lines), since what does not fit into a pipe at once makes both sides wait for each other again and again. A process
whose pipe closes ends, so that none outlives the worker, however that one dies.
"""

import gc
import itertools
import multiprocessing
import os
import traceback
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from engine.rows.mapping.judged_rows import Judged
from engine.rows.store import columnar
from engine.rows.verdict import Format
from engine.workers import contract
from engine.workers.data import import_blocks, import_detection
from engine.workers.data.import_blocks import Block

MOST_PROCESSES = 4  # each takes some 70 MB
AHEAD = 2  # blocks a process is given at once, so that it never waits for the next
COLLECT_EVERY = 64


def processes() -> int:
    """As many as there are processors for this process."""
    return min(
        MOST_PROCESSES, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )


class Pool:
    """Use as a context: the processes start when they are first needed, and live as long as it does.

    `asked`: so many processes, 0 for none; None leaves it to the number of processors.
    """

    def __init__(self, out: Path, mostly: Format, mapping: dict[str, Any] | None, asked: int | None = None) -> None:
        self.asked = asked
        self.count = processes() if asked is None else asked
        self._schema = columnar.SCHEMAS[mostly.kind]
        self._task = {"format": mostly.name, "mapping": mapping, "out": str(out)}
        self._ways: list[Any] = []
        self._children: list[Any] = []

    def _add(self) -> None:
        spawn = multiprocessing.get_context("spawn")  # nothing of this process is handed on
        mine, theirs = spawn.Pipe()
        child = spawn.Process(target=_serve, args=(theirs,), daemon=True)
        child.start()
        theirs.close()
        mine.send_bytes(orjson.dumps(self._task))
        self._ways.append(mine)
        self._children.append(child)

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        for way in self._ways:
            way.close()
        for child in self._children:
            child.terminate()
            child.join()

    def judged(self, blocks: Iterator[Block]) -> Iterator[tuple[Block, Judged]]:
        """Each block with its verdicts, in order. Raises WorkFailedError when a process dies."""
        while len(self._ways) < self.count:
            self._add()
        numbered = enumerate(blocks)
        given: dict[int, Block] = {}
        found: dict[int, Judged] = {}
        free = self._ways * AHEAD
        following, most = 0, len(free) + AHEAD
        while True:
            while free and len(given) < most and (task := next(numbered, None)):
                given[task[0]] = task[1]
                _send(free.pop(), [task[0], *task[1]])
            if not given:
                return
            for way in wait(self._ways):
                number, verdicts = self._received(way)
                found[number] = verdicts
                free.append(way)
            while following in found:
                yield given.pop(following), found.pop(following)
                following += 1

    def _received(self, way: Any) -> tuple[int, Judged]:
        try:
            said = orjson.loads(way.recv_bytes())
        except (EOFError, OSError) as error:
            raise _killed() from error
        if said.get("category") == "memory":
            raise MemoryError(said["error"])
        if "error" in said:
            raise contract.WorkFailedError(said["category"], said["error"], said["hint"])
        path = Path(said["path"])
        written = pa.py_buffer(path.read_bytes())
        path.unlink()
        batch = pa.ipc.read_record_batch(written.slice(0, said["arrow"]), self._schema)
        why = written.slice(said["arrow"]).to_pybytes().split(b"\n")
        rejected = list(zip(said["rejected"], why, strict=False))
        repairs, rules = Counter(said["repairs"]), Counter(said["rules"])
        return said["number"], Judged(said["rows"], batch, rejected, said["repaired"], repairs, rules)


def _send(way: Any, task: list[Any]) -> None:
    try:
        way.send_bytes(orjson.dumps(task))
    except OSError as error:
        raise _killed() from error


def _killed() -> contract.WorkFailedError:
    hint = "Perhaps the machine ran out of memory. Close what else is running, then import the file again."
    return contract.WorkFailedError("memory", "A process of the import was killed.", hint)


def _serve(way: Any) -> None:
    """What a process does: block after block, until nobody asks any more."""
    import_blocks.without_garbage_collection()
    try:
        task = orjson.loads(way.recv_bytes())
        mostly = import_detection.format_named(task["format"], task["mapping"])
        for count in itertools.count(1):
            number, *block = orjson.loads(way.recv_bytes())
            _answer(way, number, Block(*block), task, mostly)
            if count % COLLECT_EVERY == 0:
                gc.collect()
    except (EOFError, OSError):
        return  # the worker has what it wanted, or is gone


def _answer(way: Any, number: int, block: Block, task: dict[str, Any], mostly: Format) -> None:
    try:
        found = import_blocks.judged_block(block, mostly)
        said = _written(found, Path(task["out"]) / f"judged-{number}.part")
    except Exception as error:  # noqa: BLE001  (the boundary of the process)
        traceback.print_exc()
        failed = contract.failure(error)
        said = {"error": failed.message, "category": failed.category, "hint": failed.hint}
    way.send_bytes(orjson.dumps({"number": number, **said}))


def _written(found: Judged, path: Path) -> dict[str, Any]:
    arrow = found.batch.serialize()
    with path.open("wb") as file:
        file.write(arrow)
        file.write(b"\n".join(why for _, why in found.rejected))
    return {
        "path": str(path),
        "arrow": arrow.size,
        "rows": found.rows,
        "rejected": [one for one, _ in found.rejected],
        "repaired": found.repaired,
        "repairs": found.repairs,
        "rules": found.rules,
    }
