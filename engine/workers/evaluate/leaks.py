"""Whether rows that are asked were learnt all the same: word for word, or nearly."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
import pyarrow

from engine.evaluate import leakage
from engine.rows.health import batch as health_batch
from engine.rows.heldout import record
from engine.workers.evaluate.rows import Asked

MOST_TEXTS = 300_000  # learnt ones that are compared: a core takes half a minute for so many


def found(spec: Mapping[str, Any], rows: Sequence[Asked], each_step: Callable[[], None]) -> dict[str, Any]:
    """How many of the rows were learnt: `exact`, `near`, of how many `checked`; `compared` learnt rows.

    `rows` has the numbers of those rows in their source. `each_step` may raise, to end the work.
    """
    path, kind = Path(spec["rows"]["path"]), spec["rows"]["kind"]
    texts = dict(_texts(path, kind, {row.position for row in rows}))
    held = [texts[row.position] for row in rows]
    counter = [0]
    learnt = _learnt(spec["learnt"], counter, each_step)
    leaks = leakage.leaks(learnt, held)
    return {
        "exact": len(leaks.exact),
        "near": len(leaks.near),
        "checked": len(held),
        "compared": counter[0],
        "rows": sorted(rows[index].number for index in {*leaks.exact, *leaks.near}),
    }


def _texts(path: Path, kind: str, positions: set[int]) -> Iterator[tuple[int, str]]:
    """(position, text) of the rows at some places."""
    for batch in health_batch.batches(path, kind):
        places = [place for place in range(len(batch)) if batch.first + place in positions]
        values = batch.text.take(pyarrow.array(places, pyarrow.int64())).to_pylist() if places else []
        yield from ((batch.first + place, value or "") for place, value in zip(places, values, strict=True))


def _learnt(sources: Sequence[Mapping[str, Any]], counter: list[int], each_step: Callable[[], None]) -> Iterator[str]:
    """The text of every learnt row, each dataset once, but for the rows that all of its runs held out."""
    done: set[tuple[str, str]] = set()
    for source in sources:
        path = Path(source["path"])
        if (source["path"], source["held_out_path"]) in done or not path.is_file():
            continue
        done.add((source["path"], source["held_out_path"]))
        held_out = _positions(Path(source["held_out_path"]))
        for batch in health_batch.batches(path, source["kind"]):
            each_step()
            places = numpy.arange(batch.first, batch.first + len(batch))
            mask = pyarrow.array(~numpy.isin(places, held_out))
            for value in batch.text.filter(mask).to_pylist():
                if counter[0] >= MOST_TEXTS:
                    return
                counter[0] += 1
                yield value or ""


def _positions(file: Path) -> numpy.ndarray:
    try:
        held = record.read(file)
    except (pyarrow.ArrowException, ValueError):
        held = None
    if held is None:
        return numpy.empty(0, numpy.int64)
    return numpy.concatenate([held.positions(part) for part in ("eval", "test")])
