"""Sweeps in a list: how each stands, in a few queries however many trials there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.sweeps.life import studies
from engine.sweeps.spec import TASTE, Objective
from storage import db
from storage.sweeps import sweeps as stored
from storage.sweeps import trials as stored_trials


@dataclass(frozen=True)
class InShort:
    """A sweep as a line: `counts` and `budget` are trials of the search; `best` is by the first objective."""

    id: str
    name: str
    status: str
    objectives: tuple[Objective, ...]
    counts: Mapping[str, int]
    budget: int | None
    best: float | None
    created_at: float


def count(project_id: str | None) -> int:
    with db.reading() as session:
        return stored.count(session, project_id)


def page(project_id: str | None, limit: int, offset: int = 0) -> Sequence[InShort]:
    """The newest first."""
    with db.reading() as session:
        rows = stored.recent(session, project_id, limit, offset)
        ids = [row.id for row in rows]
        counts = stored_trials.searched(session, ids)
        ends = stored_trials.ends(session, ids)
    lines = []
    for row in rows:
        spec = studies.spec_of(row)
        first, (least, most) = spec.objectives[0], ends.get(row.id, (None, None))
        best = None if first.metric == TASTE else least if first.direction == "minimize" else most
        budget = row.goal or spec.budget.trials
        lines.append(InShort(row.id, row.name, row.status.value, spec.objectives, counts.get(row.id, {}), budget, best,
                             row.created_at))  # fmt: skip
    return lines
