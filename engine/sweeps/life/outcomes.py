"""What a trial's run came to: one number for each objective, from the metrics of the run and what it has used."""

from pathlib import Path

from sqlmodel import Session

from engine.errors import RefusedError, TunesmithError
from engine.recipes.best_checkpoint import deciding_metric
from engine.recipes.recipe import parse
from engine.runs import machine_use
from engine.sweeps.spec import MEMORY, SECONDS, SIZE, TASTE, TOKENS, Objective
from storage import home, runs
from storage.run_lists import summaries
from storage.tables import Run

TOKENS_METRIC = "num_tokens"


def values(session: Session, run: Run, objectives: tuple[Objective, ...]) -> tuple[float, ...] | None:
    """One number an objective; None where a person will say it (taste).

    Raises RefusedError that says what was not measured.
    """
    if any(objective.metric == TASTE for objective in objectives):
        return None
    return tuple(_value(session, run, objective.metric) for objective in objectives)


def _value(session: Session, run: Run, metric: str) -> float:
    match metric:
        case "seconds":
            value = run.seconds
        case "tokens":
            value = _last(session, run, TOKENS_METRIC)
        case "memory_bytes":
            value = machine_use.memory_and_energy(run)[0]
        case "size_bytes":
            value = _size(home.run_folder(run.id) / (run.artifact or "adapter"))
        case _:
            value = _measured(session, run, metric)
    if value is None:
        raise RefusedError(f"The run reported no `{metric}`.", "Choose an objective that it reports.")
    return value


COSTS = (SECONDS, TOKENS, MEMORY, SIZE)


def _size(folder: Path) -> float | None:
    """Of what the training has left."""
    files = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return float(sum(files)) if files else None


def _last(session: Session, run: Run, name: str) -> float | None:
    summary = summaries.of_runs(session, [run.id], [name]).get((run.id, name))
    return None if summary is None else summary.last


def _measured(session: Session, run: Run, name: str) -> float | None:
    """A metric at the checkpoint that is the result: the best one where the recipe keeps it, else the last value."""
    if run.loss is None and run.step:
        raise RefusedError("The loss was not a finite number at the end.", "Narrow the space to lower learning rates.")
    try:
        recipe = parse(run.recipe)
    except TunesmithError:  # written by a later studio
        return _last(session, run, name)
    if not recipe.load_best_model_at_end:
        return _last(session, run, name)
    by, is_greater = deciding_metric(recipe)
    summary = summaries.of_runs(session, [run.id], [by]).get((run.id, by))
    if summary is None:
        return _last(session, run, name)
    step = summary.greatest_step if is_greater else summary.least_step
    at_best = runs.curve(session, run.id, name, step, step)
    return at_best[0][1] if at_best else _last(session, run, name)
