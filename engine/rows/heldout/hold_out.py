"""Which rows of a dataset a training does not learn from: a part for the curve (eval), and one for the report (test).

Training, the check before it and later evaluations all come through here. Decided by the rows' content and the family
of the dataset; never by the training's seed, model, template or length, nor by the order of rows.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from engine.rows.health.fingerprints import Hashes, Positions, repeated
from engine.rows.health.sketch_store import Pairs, SketchStore
from engine.rows.heldout import amount, choice, groups, reading, record
from engine.rows.heldout.choice import EVAL, LEARNT, TEST, Sides
from engine.rows.heldout.reading import Seen
from engine.rows.heldout.record import Record
from engine.rows.store import columnar

# Rows whose near duplicates are found again by a run that is trained further; of the others, those with equal words.
MOST_SKETCHES = 4000
PARTS = {"eval": EVAL, "test": TEST}
_NAMES = {int(side): name for name, side in PARTS.items()}


@dataclass(frozen=True)
class Rows:
    """A dataset's columnar file, the kind of its rows, and the family of datasets that agree on what is held out."""

    path: Path
    kind: str
    family: str


def hold_out(rows: Rows, fraction: float | None, scratch: Path, earlier: Record | None = None) -> Record:
    """Chooses. `fraction` is the recipe's eval_fraction; `earlier` what the run held out that this one begins with.

    What was held out earlier stays so, whatever `fraction` says, with every row that belongs to it. `scratch` takes 400
    bytes a row for a while.
    """
    before = earlier if earlier is not None else record.empty()
    if fraction == 0 and not len(before):
        return record.empty(_about(rows, fraction, 0))
    compared = columnar.row_count(rows.path) <= reading.MOST_COMPARED_ROWS
    store = SketchStore(scratch, "held_out") if compared else None
    try:
        if store is not None:
            store.add(before.sketch)
        seen = reading.read(rows.path, rows.kind, store)
        return _choose(rows, fraction, seen, store, before)
    finally:
        if store is not None:
            store.close()


def _choose(rows: Rows, fraction: float | None, seen: Seen, store: SketchStore | None, before: Record) -> Record:
    everything = groups.together([before.traits, seen.traits])
    numbers, alike = groups.groups(everything, _pairs(store, everything))
    own = numbers[len(before) :]
    inherited = _inherited(before, numbers[: len(before)], own)
    named = _named(seen, own) if fraction != 0 else np.full(len(own), LEARNT)
    given = np.where(inherited != LEARNT, inherited, named)
    amounts = amount.held_out_amount(int((given == LEARNT).sum()) if named.any() else len(own), fraction)
    keys = groups.keys(seen.traits.words, own, rows.family)
    others = before.about.get("family") != rows.family
    sides = choice.sides(keys, choice.Wanted(amounts, fraction is None, others), given, set(np.unique(named)))
    about = _about(rows, fraction, len(own)) | {
        "inherited": int((inherited != LEARNT).sum()),
        "named": int((named != LEARNT).sum()),
        "alike": alike,
        "compared": store is not None,
    }
    return Record(_table(seen, sides, keys, store, before), about)


def _about(rows: Rows, fraction: float | None, count: int) -> dict[str, object]:
    return {"family": rows.family, "rows": count, "eval_fraction": fraction}


def _pairs(store: SketchStore | None, everything: groups.Traits) -> Pairs:
    """Near duplicates. Rows with the same words are together already, and one of them stands for all."""
    if store is None:
        return np.empty((0, 2), np.int64)
    repeats, _ = repeated(everything.words)
    return store.alike(left_out=repeats)


def _inherited(before: Record, theirs: Positions, own: Positions) -> Sides:
    """The side of every row that belongs to one that was held out; of both parts, the one that was read."""
    sides = np.full(len(own), LEARNT)
    parts = np.array(before.rows["part"].to_pylist(), dtype=object)
    for name in ("test", "eval"):
        sides[np.isin(own, theirs[parts == name])] = PARTS[name]
    return sides


def _named(seen: Seen, own: Positions) -> Sides:
    """The dataset's own split, with what belongs to a held-out row; none of it where too little is left."""
    sides = seen.named.copy()
    for side in (TEST, EVAL):
        sides[np.isin(own, own[seen.named == side]) & (seen.named == LEARNT)] = side
    return sides if 2 * (sides == LEARNT).sum() >= len(sides) else np.full(len(sides), LEARNT)


def _table(seen: Seen, sides: Sides, keys: Hashes, store: SketchStore | None, before: Record) -> pa.Table:
    held = np.flatnonzero(sides != LEARNT)
    held = held[np.lexsort((held, keys[held]))]  # by chance, so that the first of a part stand for it
    traits = seen.traits
    content = [f"{value:016x}" for value in seen.content[held].tolist()]
    numbers = {
        "position": held,
        "row": seen.number[held],
        "content": content,
        "words": traits.words[held],
        "opening": traits.opening[held],
        "conversation": traits.conversation[held],
    }
    sketch = store.of(len(before) + held[:MOST_SKETCHES]) if store is not None else None
    own = record.table([_NAMES[int(side)] for side in sides[held]], numbers, sketch)
    passed_on = before.elsewhere(set(content))
    return pa.concat_tables([own, passed_on])


def in_words(held_out: Record) -> str:
    """What was held out, in a line."""
    evaluated, tested = len(held_out.positions("eval")), len(held_out.positions("test"))
    if not evaluated and not tested:
        return "No rows are held out."
    share = 100 * (evaluated + tested) / max(1, int(held_out.about.get("rows", 0)))
    words = f"{share:.2g} % held out: {evaluated:,} rows for the curve"
    return f"{words}, {tested:,} for the report." if tested else f"{words}; a report has to use the same rows."
