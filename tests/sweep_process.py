"""`python -m app serve` with trainings that take no time: `python -m tests.sweep_process PORT`.

Optuna's advice is real; where HEARD names a file, it notes there what it is told. ROUND is the reconciler's, in
seconds.
"""

import os
import runpy
import sys

from engine.life import reconciler
from engine.process import plan
from engine.train import check


def main() -> None:
    plan.WORKERS |= {"sft": "tests.fake_trial"}
    if os.environ.get("HEARD"):
        plan.WORKERS |= {"sweep_advice": "tests.heard_advice"}
    check.RULES = ()  # there is no real model to look into
    reconciler.EVERY_SECONDS = float(os.environ.get("ROUND", reconciler.EVERY_SECONDS))
    sys.argv = ["app", "serve", "--port", sys.argv[1]]
    runpy.run_module("app", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
