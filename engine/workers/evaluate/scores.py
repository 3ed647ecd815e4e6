"""What each row is worth, by each measure and for both sides: numbers, from what was said and how likely it was."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.evaluate.measures import choice, measures
from engine.recipes.methods import GENERATING
from engine.workers.evaluate.asking import Plan
from engine.workers.evaluate.gathering import Found
from engine.workers.evaluate.rows import Asked
from engine.workers.evaluate.sides import NAMES

Values = list[float | None]  # of each row


@dataclass(frozen=True)
class Scores:
    """Measure -> side -> values of all rows. `names` are in order, the primary one first."""

    names: list[str]
    values: Mapping[str, Mapping[str, Values]]
    notes: list[str]

    @property
    def primary(self) -> str:
        return self.names[0]


def judged(spec: Mapping[str, Any], plan: Plan, gathered: Mapping[str, Found]) -> Scores:
    """Every number there is. Raises WorkFailedError where a recipe's reward cannot be asked."""
    notes: list[str] = []
    expected = [row.expected for row in plan.rows]
    names = choice.measures_for(plan.kind, expected, spec["method"])
    given = {name: dict[str, Values]() for name in NAMES}
    if spec["method"] in GENERATING and plan.kind in ("prompt", "completion") and plan.rows:
        from engine.workers.evaluate import recipe_rewards  # noqa: PLC0415  (TRL, which takes seconds to import)

        given = {name: recipe_rewards.judged(spec, plan.rows, gathered[name], notes) for name in NAMES}
    elif plan.kind == "prompt":
        names = _without_rewards(plan, notes)
    primary = spec["primary"] or names[0]
    names += [name for name in given["tuned"] if name not in names]
    names = [primary, *(name for name in names if name not in (primary, "perplexity"))]
    values = {name: {side: _values(name, plan, gathered[side], given[side]) for side in NAMES} for name in names}
    kept = [name for name in names if name == primary or any(value is not None for value in values[name]["tuned"])]
    return Scores(kept, values, notes)


def _without_rewards(plan: Plan, notes: list[str]) -> list[str]:
    """Prompts without rewards are judged by the right answers that they came with, as far as they did."""
    right = [row.expected for row in plan.rows if row.expected.answer]
    if not right:
        notes.append("These prompts have no right answers and the recipe has no rewards, so nothing can decide.")
        return ["exact_match", "length", "repetition"]
    return [name for name in choice.measures_for("completion", right) if name != "nll"] or ["exact_match"]


def _values(name: str, plan: Plan, answers: Found, given: Mapping[str, Values]) -> Values:
    if name in given:
        return given[name]
    measure = measures.look_up(name)
    if measure.source == "answer" and answers.answers:
        pairs = zip(plan.rows, answers.answers, strict=True)
        return [measures.score(name, answer.text, row.expected) for row, answer in pairs]
    if measure.source == "likelihood":
        return [_likely(name, index, row, answers) for index, row in enumerate(plan.rows)]
    return [None] * len(plan.rows)


def _likely(name: str, index: int, row: Asked, answers: Found) -> float | None:
    """A number of one row from log-probabilities, or from a reward model's scores."""
    if answers.scores:
        both = answers.scores[index]
        if both is None or name == "nll":
            return None
        return both[0] - both[1] if name == "preference_margin" else float(both[0] > both[1])
    means = [total / count for total, count in answers.likelihoods[index] if count] if answers.likelihoods else []
    if not means:
        return None
    match name:
        case "nll":
            return None if row.expected.label is False else -means[0]
        case "preference_margin" if row.expected.label is not None:
            return means[0] if row.expected.label else -means[0]
        case "preference_margin" if len(means) == 2:
            return means[0] - means[1]
        case "preference_accuracy" if len(means) == 2:
            return float(means[0] > means[1])
    return None
