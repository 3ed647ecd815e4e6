"""The space of a sweep: which recipes it holds, what each trial's recipe is, and what is wrong before one starts."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from engine.errors import RefusedError
from engine.recipes import recipe as recipes
from engine.recipes.choices import tunings
from engine.recipes.methods import METHODS
from engine.recipes.recipe import Recipe
from engine.sweeps import asked_for, dimensions, proposals
from engine.sweeps.proposals import propose as propose
from engine.sweeps.proposals import sweepable as sweepable
from engine.sweeps.proposals import whole as whole
from engine.sweeps.spec import Choices, Dimension, Range, SweepSpec, Value
from engine.train import check as train_check
from engine.train.rules.problem import Problem
from storage.tables import Dataset, Model

DRAWN = 120  # combinations of a space that are looked at, before the first trial; a recipe takes 0.04 ms to be read
LOOKED_AT = 12  # of them that are held against model and dataset too, which takes a millisecond each
TRIES = 24  # of one choice, each with other values beside it, before it is said never to hold

Params = dict[str, Value]


def concrete(recipe: Mapping[str, Any] | Recipe, params: Mapping[str, Any]) -> Recipe:
    """The recipe of a trial. Raises RefusedError where the combination is refused, with the reason in its hint.

    Where the tuning itself is searched, fields that a trial's tuning does not read are left at their defaults: lora_r
    means nothing to a trial of full.
    """
    fields = recipe.model_dump() if isinstance(recipe, Recipe) else dict(recipe)
    fields |= {name: _typed(name, value) for name, value in params.items()}
    if "tuning" in params:
        fields = {name: value for name, value in fields.items() if tunings.uses(str(fields["tuning"]), name)}
    return recipes.parse(fields)


def _typed(name: str, value: Any) -> Any:
    """A number of a range may come as 16.0 for a field of whole numbers."""
    if name in Recipe.model_fields and proposals.is_whole(name) and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def check(spec: SweepSpec, model: Model | None, dataset: Dataset | None) -> list[Problem]:
    """Everything that speaks against a sweep, errors first. Starts nothing; takes some hundredths of a second.

    Each names a field of the space, or a part of the sweep such as `objective`. Whether the name is free, the studio's
    rows know.
    """
    return examine(spec, model, dataset)[0]


def examine(spec: SweepSpec, model: Model | None, dataset: Dataset | None) -> tuple[list[Problem], "Holding | None"]:
    """As `check`, with what was learnt of the space's combinations; None where it could not be looked into."""
    problems = _subjects(spec, model, dataset)
    method = str(spec.recipe.get("method", "sft"))
    if method not in METHODS:
        hint = f"Use one of {', '.join(METHODS)}."
        return [*problems, Problem("recipe", f"There is no method `{method:.80}`.", hint)], None
    for name, part in spec.space.items():
        problems += dimensions.problems(name, part, method, _tunings(spec))
    problems += asked_for.problems(spec, model, dataset)
    combinations_held = None
    if not any(problem.field in spec.space or problem.field == "recipe" for problem in problems):
        combinations_held = holding(spec, model, dataset)
        problems += combinations_held.problems
    return sorted(problems, key=lambda problem: problem.level != "error"), combinations_held


def _subjects(spec: SweepSpec, model: Model | None, dataset: Dataset | None) -> list[Problem]:
    problems = []
    for name, row in (("model_id", model), ("dataset_id", dataset)):
        if row is None:
            noun, value = name.removesuffix("_id"), spec.recipe.get(name)
            message = f"There is no {noun} with the id {value!r:.80}." if value else f"The recipe has no {noun}."
            problems.append(Problem(name, message, f"Set {name} in the recipe to the id of a {noun}."))
    for name in spec.recipe:
        if name not in Recipe.model_fields:
            hint = "Correct its name, or leave it out."
            problems.append(Problem("recipe", f"A recipe has no field `{name:.80}`.", hint))
    return problems


def _tunings(spec: SweepSpec) -> tuple[str, ...]:
    """Those that a trial may have: the recipe's, or the choices of the space."""
    part = spec.space.get("tuning")
    if isinstance(part, Choices):
        return tuple(str(choice) for choice in part.choices if choice in tunings.TUNINGS) or ("lora",)
    return (str(spec.recipe.get("tuning", "lora")),)


@dataclass
class Holding:
    """How many of the combinations that were looked at are recipes, and why the others are none."""

    tried: int = 0
    held: int = 0
    every: bool = False  # whether that were all there are
    reasons: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)


def holding(spec: SweepSpec, model: Model | None, dataset: Dataset | None) -> Holding:
    """Looks at the combinations of a space: at all of a small one, else at some hundred that a fixed seed draws."""
    size = combinations(spec.space)
    every = size is not None and size <= DRAWN
    drawn = _all(spec.space) if every else draws(spec.space, DRAWN)
    answer = Holding(every=every)
    held: list[Recipe] = []
    for params in drawn:
        answer.tried += 1
        try:
            held.append(concrete(spec.recipe, params))
        except RefusedError as error:
            answer.reasons[error.hint] += 1
    answer.held = len(held)
    if not held:
        answer.problems.append(_none_holds(answer))
        return answer
    answer.problems += _hopeless_choices(spec)
    if model and dataset:
        answer.problems += _against_subjects(held, model, dataset)
    return answer


def combinations(space: Mapping[str, Dimension]) -> int | None:
    """How many recipes a space has; None where a range has no step, so that there are more than one can count."""
    total = 1
    for name, part in space.items():
        count = len(part.choices) if isinstance(part, Choices) else _count(name, part)
        if count is None:
            return None
        total *= count
    return total


def _count(name: str, part: Range) -> int | None:
    step = part.step or (1 if proposals.is_whole(name) else None)
    return None if step is None or part.high < part.low else int((part.high - part.low) / step + 1e-9) + 1


def _all(space: Mapping[str, Dimension]) -> Iterable[Params]:
    lists = [part.choices if isinstance(part, Choices) else _steps(name, part) for name, part in space.items()]
    return (dict(zip(space, values, strict=True)) for values in product(*lists))


def _steps(name: str, part: Range) -> list[Value]:
    step = part.step or 1
    return [_typed(name, part.low + at * step) for at in range(_count(name, part) or 0)]


def draws(space: Mapping[str, Dimension], count: int) -> Iterable[Params]:
    """So many combinations at random, refused ones among them; the same ones each time."""
    random_numbers = random.Random(0)  # noqa: S311  (no secret)
    return ({name: _draw(random_numbers, name, part) for name, part in space.items()} for _ in range(count))


def _draw(random_numbers: random.Random, name: str, part: Dimension) -> Value:
    if isinstance(part, Choices):
        return random_numbers.choice(part.choices)
    share = random_numbers.random()
    number = part.low * (part.high / part.low) ** share if part.log else part.low + share * (part.high - part.low)
    if part.step:
        number = part.low + round((number - part.low) / part.step) * part.step
    return round(number) if proposals.is_whole(name) else number


def _none_holds(answer: Holding) -> Problem:
    reason, _ = answer.reasons.most_common(1)[0]
    amount = "none of its" if answer.every else "none of"
    message = f"No recipe of this space is valid: {amount} {answer.tried} combinations{' tried' * (not answer.every)}."
    return Problem("space", message, f"The usual reason: {reason}")


def _hopeless_choices(spec: SweepSpec) -> Iterable[Problem]:
    """Choices that the recipe refuses whatever stands beside them: each would cost trials, and none would start."""
    for name, part in spec.space.items():
        if not isinstance(part, Choices):
            continue
        for choice in part.choices:
            if reason := _never(spec, name, choice):
                message = f"The recipe refuses the choice {dimensions.shown(choice)} of {name}: {reason}"
                yield Problem(name, message, "Leave this choice out, or change what it is refused for.")


def _never(spec: SweepSpec, name: str, choice: Value) -> str:
    """Why no recipe has this choice; "" when one has."""
    reason = ""
    for params in ({}, *draws(spec.space, TRIES)):
        try:
            concrete(spec.recipe, {**params, name: choice})
        except RefusedError as error:
            reason = reason or error.hint
        else:
            return ""
    return reason


def _against_subjects(held: list[Recipe], model: Model, dataset: Dataset) -> list[Problem]:
    """What the checks of a training say to each of some recipes: errors that all of them have."""
    looked_at = held[:: max(1, len(held) // LOOKED_AT)][:LOOKED_AT]
    first: list[Problem] = []
    for recipe in looked_at:
        errors = [problem for problem in train_check.check(recipe, model, dataset) if problem.level == "error"]
        if not errors:
            return []
        first = first or errors
    return first
