"""How the Sweeps page writes values, settings and states."""

import math
from collections.abc import Mapping

from engine.sweeps.picture import Picture
from engine.sweeps.results import plots
from engine.sweeps.spec import TASTE, Choices, Dimension, Objective, Value
from engine.sweeps.study import Trial
from pages.parts import html

SAMPLERS = {"tpe": "TPE", "gp": "Gaussian process", "random": "random", "qmc": "quasi-random", "grid": "grid",
            "cmaes": "CMA-ES", "nsga2": "NSGA-II"}  # fmt: skip
PRUNERS = {"none": "none", "median": "median", "hyperband": "Hyperband", "halving": "successive halving",
           "patient": "patient"}  # fmt: skip


def value(number: float | None, objective: Objective) -> str:
    """A value of an objective, with its unit."""
    if number is None:
        return html.DASH
    match plots.objective(objective)["unit"]:
        case "seconds":
            return html.duration(number)
        case "bytes":
            return html.size(number)
        case "share":
            return f"{100 * number:.1f} %"
        case "tokens":
            return f"{number:,.0f}"
    return f"{number:.4g}"


def apart(number: float, objective: Objective, like: float = 0.0) -> str:
    """A difference of two values, to the two digits that count in `like`."""
    match plots.objective(objective)["unit"]:
        case "share":
            return f"{100 * number:+.1f} points"
        case "":
            size = abs(like or number)
            decimals = min(8, max(0, 1 - math.floor(math.log10(size)))) if size else 0
            return f"{number:+.{decimals}f}"
    return ("-" if number < 0 else "+") + value(abs(number), objective)


def setting(one: Value) -> str:
    """A value of a recipe's field."""
    if one is None:
        return "none"
    return f"{one:.3g}" if isinstance(one, float) else str(one)


def settings(params: Mapping[str, Value]) -> str:
    return ", ".join(f"{plots.title(field)} {setting(one)}" for field, one in params.items())


def dimension(one: Dimension) -> str:
    """What a field is tried over."""
    if isinstance(one, Choices):
        return ", ".join(map(setting, one.choices))
    steps = f" in steps of {one.step:g}" if one.step else ""
    return f"{one.low:g} to {one.high:g}{' (log)' if one.log else ''}{steps}"


def objective(one: Objective) -> str:
    """What is looked for."""
    if one.metric == TASTE:
        return "the answers that a person likes better"
    title = str(plots.objective(one)["title"])
    return f"{'least' if one.direction == 'minimize' else 'greatest'} {title[0].lower()}{title[1:]}"


def counted(count: int, one: str, several: str = "") -> str:
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def counts(picture: Picture) -> str:
    """How many trials of the search are in which state."""
    return ", ".join(f"{count:,} {state}" for state, count in picture.counts().items()) or "none yet"


def phase(trial: Trial) -> str:
    """What a trial is beside one of the search; empty for those."""
    match trial.phase:
        case "repeat":
            return f"{trial.of} with another seed"
        case "full":
            return f"{trial.of} in full"
        case "warm":
            return "from an earlier sweep"
    return ""
