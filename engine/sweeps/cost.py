"""What a sweep will take, before it starts: trials that its budget allows, the time of each, the end, and the cost.

A trial's time and tokens are those of a training (engine.train.forecast): measured where a probe of the recipe is
known, else estimated. Trials differ, so that some combinations of the space are looked at. Nothing is started.
"""

import math
import statistics
from dataclasses import dataclass
from typing import Literal

from engine.accounts import prices
from engine.errors import RefusedError
from engine.fit import past_probes
from engine.process import devices
from engine.recipes.recipe import Recipe
from engine.sweeps import space, trial_recipes
from engine.sweeps.spec import SweepSpec
from engine.train import check, forecast, spending
from engine.train.forecast import Forecast, Source
from engine.train.spending import Spending
from storage import datasets, db, models
from storage.tables import Dataset, Model

LOOKED_AT, DRAWN = 5, 40  # forecasts that are made, of so many combinations until as many hold
# What neither a step's time nor the number of steps depends on.
COSTLESS = frozenset((*past_probes.RATES, "lora_alpha", "lora_dropout", "max_grad_norm", "neftune_noise_alpha", "beta"))
Limit = Literal["trials", "seconds", "tokens", "grid"]


@dataclass(frozen=True)
class Cost:
    """`trials` of the search; None while it is not known how many the budget allows, `limited_by` what ends it.

    `seconds` from the start to the end, the best in full and repeats included, where no trial is ended early.
    """

    trials: int | None = None
    limited_by: Limit | None = None
    side_by_side: int = 1
    each: tuple[float, float] | None = None  # seconds of the shortest and the longest trial that was looked at
    tokens: float | None = None  # of a trial, in the mean
    full: int = 0  # trained in full after the search
    repeats: int = 0
    seconds: float | None = None
    spending: Spending | None = None  # of all of it, if no trial is ended early
    source: Source = "estimate"
    basis: str = ""


def of(spec: SweepSpec, model: Model, dataset: Dataset) -> Cost:
    """What it takes, as far as it is known. Milliseconds; nothing is raised for a space in which no recipe holds."""
    looked_at = _recipes(spec)
    if not looked_at:
        return Cost()
    trials = [forecast.of(recipe, model, dataset) for _, recipe in looked_at]
    side_by_side = min(spec.parallel, len(devices.on_this_machine()))
    seconds, tokens = _mean_seconds(trials), statistics.fmean(trial.tokens for trial in trials)
    allowed = _allowed(spec, seconds, tokens, side_by_side)
    count, limited_by = min(allowed, default=(None, None))
    full = min(spec.proxy.full, count or spec.proxy.full) if spec.proxy else 0
    repeats = spec.repeats if len(spec.objectives) == 1 else 0
    total = trained = None
    if seconds is not None and count is not None:
        dearer = _mean_seconds([_in_full(spec, params, model, dataset) for params, _ in looked_at]) if full else 0.0
        rounds = math.ceil(count / side_by_side) + math.ceil(repeats / side_by_side)
        total = rounds * seconds + math.ceil(full / side_by_side) * (dearer or 0.0)
        trained = (count + repeats) * seconds + full * (dearer or 0.0)
    return Cost(
        trials=count,
        limited_by=limited_by,
        side_by_side=side_by_side,
        each=_each(trials),
        tokens=tokens,
        full=full,
        repeats=repeats,
        seconds=total,
        spending=spending.of(looked_at[0][1], prices.of_project(dataset.project_id), total, trained),
        source="measured" if all(trial.time.source == "measured" for trial in trials) else "estimate",
        basis=trials[0].time.basis,
    )


def ahead(spec: SweepSpec) -> Cost:
    """The same of a sweep that names its model and dataset. Raises RefusedError for what cannot work."""
    with db.reading() as session:
        model = models.get(session, str(spec.recipe.get("model_id", "")))
        dataset = datasets.get(session, str(spec.recipe.get("dataset_id", "")))
    check.refuse(space.check(spec, model, dataset))
    return of(spec, model, dataset) if model and dataset else Cost()


def _recipes(spec: SweepSpec) -> list[tuple[space.Params, Recipe]]:
    """Trials as the search would make them."""
    recipes: list[tuple[space.Params, Recipe]] = []
    for params in space.draws(spec.space, DRAWN):
        try:
            recipes.append((params, trial_recipes.of(spec, params)))
        except RefusedError:
            continue
        if len(recipes) == LOOKED_AT or COSTLESS.issuperset(spec.space):
            break
    return recipes


def _in_full(spec: SweepSpec, params: space.Params, model: Model, dataset: Dataset) -> Forecast:
    return forecast.of(trial_recipes.of(spec, params, "full"), model, dataset)


def _mean_seconds(trials: list[Forecast]) -> float | None:
    times = [trial.time.seconds for trial in trials]
    return statistics.fmean(time for time in times if time is not None) if None not in times else None


def _each(trials: list[Forecast]) -> tuple[float, float] | None:
    times = [trial.time.seconds for trial in trials if trial.time.seconds is not None]
    return (min(times), max(times)) if len(times) == len(trials) else None


def _allowed(spec: SweepSpec, seconds: float | None, tokens: float, side_by_side: int) -> list[tuple[int, Limit]]:
    """How many trials each part of the budget allows. The last one is finished, though it goes beyond."""
    budget = spec.budget
    allowed: list[tuple[int, Limit]] = []
    if budget.trials is not None:
        allowed.append((budget.trials, "trials"))
    if budget.seconds is not None and seconds:
        allowed.append((math.ceil(budget.seconds / seconds) * side_by_side, "seconds"))
    if budget.tokens is not None and tokens:
        allowed.append((math.ceil(budget.tokens / tokens), "tokens"))
    if spec.sampler == "grid" and (size := space.combinations(spec.space)) is not None:
        allowed.append((size, "grid"))
    return allowed
