"""The worker with Optuna, and a note of what it was told: `python -m tests.heard_advice SPEC.json OUT/`.

HEARD names the file: a line a question, with the trials that have ended.
"""

import json
import os
from pathlib import Path

from engine.sweeps.study import Advice, Question
from engine.workers import contract
from engine.workers.sweeps import advice, advise

answered = advice.on


def heard(question: Question) -> Advice:
    ended = [(trial.number, trial.state, trial.values) for trial in question.study.trials if trial.state != "running"]
    with Path(os.environ["HEARD"]).open("a") as file:
        file.write(json.dumps(ended) + "\n")
    return answered(question)


if __name__ == "__main__":
    advice.on = heard
    contract.run(advise.work)
