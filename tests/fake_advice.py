"""The worker that says what a sweep tries next, without Optuna: `python -m tests.fake_advice SPEC.json OUT/`.

The same rows give the same advice. FAKE_PRUNE_ABOVE is the loss above which a trial ends early.
"""

import os
import random
import threading
from pathlib import Path
from typing import Any

from engine.sweeps import exchange
from engine.sweeps.spec import Choices, Dimension, Value
from engine.sweeps.study import Advice, Question
from engine.workers import contract


def advise(question: Question) -> Advice:
    study = question.study
    first = 1 + max((trial.number for trial in study.trials), default=-1)
    params = tuple(
        {name: _draw(random.Random(f"{study.seed} {number} {name}"), part) for name, part in study.space.items()}
        for number in range(first, first + question.ask)
    )
    limit = float(os.environ.get("FAKE_PRUNE_ABOVE", "inf"))
    last = {trial.number: trial.steps[max(trial.steps)] for trial in study.trials if trial.steps}
    return Advice(id=question.id, params=params, prune={number: last[number] > limit for number in question.prune})


def _draw(chance: random.Random, part: Dimension) -> Value:
    if isinstance(part, Choices):
        return chance.choice(part.choices)
    share = chance.random()
    return part.low * (part.high / part.low) ** share if part.log else part.low + share * (part.high - part.low)


def work(spec: dict[str, Any], out: Path) -> None:
    pause = threading.Event()
    while not contract.stop_requested(out):
        for question in exchange.waiting(out):
            exchange.reply(out, advise(question))
        pause.wait(0.02)
    raise contract.Stopped


if __name__ == "__main__":
    contract.run(work)
