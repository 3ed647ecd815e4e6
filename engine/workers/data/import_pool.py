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

    `requested`: so many processes, 0 for none; None leaves it to the number of processors.
    """

    def __init__(
        self, out: Path, main_format: Format, mapping: dict[str, Any] | None, requested: int | None = None
    ) -> None:
        self.requested = requested
        self.count = processes() if requested is None else requested
        self._schema = columnar.SCHEMAS[main_format.kind]
        self._task = {"format": main_format.name, "mapping": mapping, "out": str(out)}
        self._pipes: list[Any] = []
        self._children: list[Any] = []

    def _add(self) -> None:
        spawn = multiprocessing.get_context("spawn")  # nothing of this process is handed on
        parent_end, child_end = spawn.Pipe()
        child = spawn.Process(target=_serve, args=(child_end,), daemon=True)
        child.start()
        child_end.close()
        parent_end.send_bytes(orjson.dumps(self._task))
        self._pipes.append(parent_end)
        self._children.append(child)

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self._pipes:
            pipe.close()
        for child in self._children:
            child.terminate()
            child.join()

    def judged(self, blocks: Iterator[Block]) -> Iterator[tuple[Block, Judged]]:
        """Each block with its verdicts, in order. Raises WorkFailedError when a process dies."""
        while len(self._pipes) < self.count:
            self._add()
        numbered = enumerate(blocks)
        pending: dict[int, Block] = {}
        finished: dict[int, Judged] = {}
        free_pipes = self._pipes * AHEAD
        next_number, max_pending = 0, len(free_pipes) + AHEAD
        while True:
            while free_pipes and len(pending) < max_pending and (numbered_block := next(numbered, None)):
                pending[numbered_block[0]] = numbered_block[1]
                _send(free_pipes.pop(), [numbered_block[0], *numbered_block[1]])
            if not pending:
                return
            for pipe in wait(self._pipes):
                number, verdicts = self._received(pipe)
                finished[number] = verdicts
                free_pipes.append(pipe)
            while next_number in finished:
                yield pending.pop(next_number), finished.pop(next_number)
                next_number += 1

    def _received(self, pipe: Any) -> tuple[int, Judged]:
        try:
            answer = orjson.loads(pipe.recv_bytes())
        except (EOFError, OSError) as error:
            raise _killed() from error
        if answer.get("category") == "memory":
            raise MemoryError(answer["error"])
        if "error" in answer:
            raise contract.WorkFailedError(answer["category"], answer["error"], answer["hint"])
        path = Path(answer["path"])
        written = pa.py_buffer(path.read_bytes())
        path.unlink()
        batch = pa.ipc.read_record_batch(written.slice(0, answer["arrow"]), self._schema)
        reasons = written.slice(answer["arrow"]).to_pybytes().split(b"\n")
        rejected = list(zip(answer["rejected"], reasons, strict=False))
        repairs, rules = Counter(answer["repairs"]), Counter(answer["rules"])
        return answer["number"], Judged(answer["rows"], batch, rejected, answer["repaired"], repairs, rules)


def _send(pipe: Any, task: list[Any]) -> None:
    try:
        pipe.send_bytes(orjson.dumps(task))
    except OSError as error:
        raise _killed() from error


def _killed() -> contract.WorkFailedError:
    hint = "Perhaps the machine ran out of memory. Close what else is running, then import the file again."
    return contract.WorkFailedError("memory", "A process of the import was killed.", hint)


def _serve(pipe: Any) -> None:
    """What a process does: block after block, until nobody asks any more."""
    import_blocks.without_garbage_collection()
    try:
        task = orjson.loads(pipe.recv_bytes())
        main_format = import_detection.format_named(task["format"], task["mapping"])
        for count in itertools.count(1):
            number, *block = orjson.loads(pipe.recv_bytes())
            _answer(pipe, number, Block(*block), task, main_format)
            if count % COLLECT_EVERY == 0:
                gc.collect()
    except (EOFError, OSError):
        return  # the worker has what it wanted, or is gone


def _answer(pipe: Any, number: int, block: Block, task: dict[str, Any], main_format: Format) -> None:
    try:
        verdicts = import_blocks.judged_block(block, main_format)
        answer = _written(verdicts, Path(task["out"]) / f"judged-{number}.part")
    except Exception as error:  # noqa: BLE001  (the boundary of the process)
        traceback.print_exc()
        failure = contract.failure(error)
        answer = {"error": failure.message, "category": failure.category, "hint": failure.hint}
    pipe.send_bytes(orjson.dumps({"number": number, **answer}))


def _written(verdicts: Judged, path: Path) -> dict[str, Any]:
    arrow = verdicts.batch.serialize()
    with path.open("wb") as file:
        file.write(arrow)
        file.write(b"\n".join(reason for _, reason in verdicts.rejected))
    return {
        "path": str(path),
        "arrow": arrow.size,
        "rows": verdicts.rows,
        "rejected": [row for row, _ in verdicts.rejected],
        "repaired": verdicts.repaired,
        "repairs": verdicts.repairs,
        "rules": verdicts.rules,
    }
