"""Two to twenty runs beside each other: what differs in their recipes and their data, and what came out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import RefusedError
from engine.existing import existing
from engine.recipes import diff, metric_directions
from engine.recipes.diff import Differing
from engine.runs import machine_use
from engine.runs.metric_groups import WALL_TIME
from storage import datasets, db, models
from storage import runs as stored
from storage.tables import Dataset, MetricSummary, Run

FEWEST, MOST = 2, 20


@dataclass(frozen=True)
class Came:
    """A metric of one run: its last value, and the best with its step, where one direction is better."""

    last: float
    last_step: int
    best: float | None
    best_step: int | None


@dataclass(frozen=True)
class RunInShort:
    """A run among others. `seconds`: its processes ran, all attempts together. What was not measured is None."""

    id: str
    name: str
    status: str
    step: int
    max_steps: int | None
    model: str
    dataset: str
    dataset_version: int | None
    rows: int | None  # learnt from
    seconds: float | None
    tokens_per_second: float | None
    memory_bytes: float | None  # the most it took: of its fullest card, or of its processes on a CPU
    energy_wh: float | None
    device: str | None


@dataclass(frozen=True)
class Comparison:
    """`metrics`: name -> run id -> what came out, of the runs that have it."""

    runs: list[RunInShort]
    recipe: list[Differing]
    metrics: dict[str, dict[str, Came]]


def compare(run_ids: Sequence[str]) -> Comparison:
    """The runs in the order they are named. Raises NotFoundError for a run that is gone, RefusedError for too few or
    too many of them."""
    ids = list(dict.fromkeys(run_ids))
    if not FEWEST <= len(ids) <= MOST:
        count = "1 run" if len(ids) == 1 else f"{len(ids)} runs"
        raise RefusedError(f"{count} cannot be compared.", f"Name {FEWEST} to {MOST} different runs.")
    with db.reading() as session:
        runs = [existing(session, Run, run_id) for run_id in ids]
        model_names = models.names(session, [run.model_id for run in runs])
        datasets_by_id = datasets.by_id(session, [run.dataset_id for run in runs])
        summaries = stored.summaries(session, ids)
    named = [_in_short(run, model_names, datasets_by_id.get(run.dataset_id)) for run in runs]
    return Comparison(named, diff.among({run.id: run.recipe for run in runs}), _metrics(summaries))


def _in_short(run: Run, model_names: Mapping[str, str], dataset: Dataset | None) -> RunInShort:
    memory, energy = machine_use.memory_and_energy(run)
    return RunInShort(
        id=run.id,
        name=run.name,
        status=run.status.value,
        step=run.step,
        max_steps=run.max_steps,
        model=model_names.get(run.model_id, run.model_id),
        dataset=dataset.name if dataset else run.dataset_id,
        dataset_version=dataset.version if dataset else None,
        rows=run.facts.rows,
        seconds=run.seconds,
        tokens_per_second=run.tokens_per_second,
        memory_bytes=memory,
        energy_wh=energy,
        device=run.device or run.facts.device,
    )


def _metrics(summaries: Sequence[MetricSummary]) -> dict[str, dict[str, Came]]:
    metrics: dict[str, dict[str, Came]] = {}
    for summary in sorted(summaries, key=lambda one: one.name):
        if summary.name == WALL_TIME:
            continue
        metrics.setdefault(summary.name, {})[summary.run_id] = _came(summary)
    return metrics


def _came(summary: MetricSummary) -> Came:
    match metric_directions.of(summary.name):
        case "lower":
            best, step = summary.least, summary.least_step
        case "higher":
            best, step = summary.greatest, summary.greatest_step
        case None:
            return Came(summary.last, summary.last_step, None, None)
    return Came(summary.last, summary.last_step, best, step)


def winner(came: Mapping[str, Came], name: str) -> str | None:
    """The run whose best value of a metric is better than every other's; None where none is."""
    direction = metric_directions.of(name)
    values = {run_id: one.best for run_id, one in came.items() if one.best is not None}
    if direction is None or len(values) < FEWEST:
        return None
    best = (min if direction == "lower" else max)(values.values())
    winners = [run_id for run_id, value in values.items() if value == best]
    return winners[0] if len(winners) == 1 else None


def as_json(comparison: Comparison) -> dict[str, Any]:
    """The comparison as `GET /api/runs/compare` answers it."""
    return {
        "runs": [vars(run) for run in comparison.runs],
        "recipe": [{"field": one.field, "values": dict(one.values)} for one in comparison.recipe],
        "metrics": {
            name: {run_id: vars(one) for run_id, one in came.items()} for name, came in comparison.metrics.items()
        },
    }
