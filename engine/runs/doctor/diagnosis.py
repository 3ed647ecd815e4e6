"""The diagnosis of a run as pages, REST and the command line show it: its curves read, cheaply, and the rules asked.

What it costs is bounded. A curve of more than `MOST_POINTS` points is read at evenly spaced steps, with its first and
last points whole, so a run of a million points costs a few thousand look-ups. What was found is kept while the
run has no new step, and in a long one for some more.
"""

from functools import lru_cache
from typing import Any

import numpy
from sqlmodel import Session

from engine.errors import RefusedError
from engine.recipes.choices.commas import words
from engine.recipes.recipe import Recipe
from engine.runs import healing
from engine.runs.doctor import rules
from engine.runs.doctor.evidence import Case, Curve
from storage import db, runs
from storage.tables import Run, RunFacts

Diagnosis = list[dict[str, Any]]

MOST_POINTS = 500
WHOLE_ENDS = 50  # points
LONG = 10_000  # steps: from there on a running one is looked at again after a thousandth more of them
METRICS = ("loss", "eval_loss", "learning_rate", "grad_norm", "data_wait_share", "peak_memory_bytes")
OF_ANSWERS = ("reward", "frac_reward_zero_std", "completions/clipped_ratio", "completions/mean_length")
OF_PREFERENCES = ("rewards/margins", "rewards/chosen")


def of(run: Run) -> Diagnosis:
    """What the doctor finds, the worst first: `rule`, severity, message, metric, from_step, to_step, remedy."""
    life: tuple[Any, ...] = (run.created_at, run.attempt, run.ended_at)
    life += (run.step, run.events_offset) if run.step < LONG or run.ended_at else (_few_digits(run.step),)
    return [dict(finding) for finding in _kept(run.id, life)]


def _few_digits(step: int) -> int:
    """A step of a long run, rounded down so that it changes about every thousandth of the run."""
    coarse = int(10 ** (len(str(step)) - 4))
    return step // coarse * coarse


@lru_cache(maxsize=512)
def _kept(run_id: str, life: tuple[Any, ...]) -> Diagnosis:
    """Of a run at this point of its `life`."""
    with db.reading() as session:
        run = runs.get(session, run_id)
        if run is None:
            return []
        case = _case(session, run)
    return [finding.as_json(rule.name) for rule, finding in rules.diagnose(case)]


def _case(session: Session, run: Run) -> Case:
    recipe = _recipe(run.recipe, run.facts)
    names = [*METRICS, *(_of_rewards(recipe) if recipe.method in ("grpo", "rloo") else OF_PREFERENCES)]
    curves = {name: curve for name in names if len(curve := _curve(session, run.id, name))}
    return Case(curves, recipe, run.facts, run.max_steps, run.ended_at is not None)


def _recipe(values: dict[str, Any], facts: RunFacts) -> Recipe:
    """The recipe in force; one that another version of the studio wrote as far as it is understood."""
    try:
        return healing.adjusted(Recipe.model_validate(values), facts)
    except (ValueError, RefusedError):
        known = {name: value for name, value in values.items() if name in Recipe.model_fields}
        return Recipe.model_construct(**known)


def _of_rewards(recipe: Recipe) -> list[str]:
    of_each = [f"rewards/{name}/{what}" for name in words(recipe.reward_funcs) for what in ("mean", "std")]
    return [*OF_ANSWERS, *of_each]


def _curve(session: Session, run_id: str, name: str) -> Curve:
    points = runs.curve(session, run_id, name, limit=MOST_POINTS + 1)
    if len(points) > MOST_POINTS:
        points = _thinned(session, run_id, name, points[:WHOLE_ENDS])
    steps, values = zip(*points, strict=True) if points else ((), ())
    return Curve(numpy.array(steps, float), numpy.array(values, float))


def _thinned(session: Session, run_id: str, name: str, head: list[runs.Point]) -> list[runs.Point]:
    """Its first points whole, the rest at evenly spaced steps, its last point."""
    first, end = head[-1][0] + 1, runs.last_point(session, run_id, name, 2**31 - 1)
    width = (end[0] - first) // (MOST_POINTS - 2 * WHOLE_ENDS) + 1
    middle = runs.spaced(session, run_id, name, first, end[0], width)
    tail = runs.curve(session, run_id, name, max(first, end[0] - WHOLE_ENDS))
    return sorted({*head, *middle, *tail})
