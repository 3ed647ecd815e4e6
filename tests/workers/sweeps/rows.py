"""Sweeps made up for tests of Optuna's workers: a space, a loss that depends on it, trials as rows."""

import math
import random
from collections.abc import Callable

from engine.sweeps.spec import Choices, Dimension, Pruner, Range, Sampler, Value
from engine.sweeps.study import Study, Trial, TrialState

SPACE: dict[str, Dimension] = {
    "learning_rate": Range(low=1e-5, high=1e-2, log=True),
    "lora_r": Range(low=4, high=64, step=4),
    "lora_dropout": Range(low=0, high=0.3),
    "optim": Choices(choices=("adamw_torch", "lion_32bit", None, True)),
}
NUMBERS = {field: dimension for field, dimension in SPACE.items() if field != "optim"}
WHOLE = ("lora_r",)


def loss(params: dict[str, Value]) -> float:
    """1 at its best: a learning rate of 2e-3, rank 16, no dropout. The learning rate decides most."""
    rate, rank, dropout = (float(params[field] or 0) for field in NUMBERS)
    return 1 + (math.log10(rate) + 2.7) ** 2 + 0.2 * ((rank - 16) / 32) ** 2 + 0.5 * dropout


def study(sampler: Sampler = "tpe", trials: tuple[Trial, ...] = (), pruner: Pruner = "none", seed: int = 1) -> Study:
    space = NUMBERS if sampler == "cmaes" else SPACE
    return Study(
        space=space, whole=WHOLE, directions=("minimize",), sampler=sampler, pruner=pruner, seed=seed, trials=trials
    )


def by_chance(
    count: int, seed: int = 0, state: Callable[[int], TrialState] = lambda _number: "complete"
) -> list[Trial]:
    """Trials with settings drawn by chance, and what came of them."""
    chance = random.Random(seed)
    trials = []
    for number in range(count):
        params: dict[str, Value] = {
            "learning_rate": 10 ** chance.uniform(-5, -2),
            "lora_r": chance.randrange(4, 65, 4),
            "lora_dropout": chance.uniform(0, 0.3),
            "optim": chance.choice(("adamw_torch", "lion_32bit", None, True)),
        }
        trials.append(ended(number, params, state(number)))
    return trials


def ended(number: int, params: dict[str, Value], state: TrialState = "complete") -> Trial:
    steps = {step: loss(params) + 10 / step for step in (10, 20, 30)} if state in ("complete", "pruned") else {}
    values = (loss(params),) if state == "complete" else None
    return Trial(number=number, state=state, params=params, values=values, steps=steps)
