"""The engine in a process of its own, with trials and advice that take no time: `python -m tests.sweep_process`."""

import threading

from engine.life import reconciler
from engine.life.life import Life
from engine.process import plan
from engine.train import check


def main() -> None:
    plan.WORKERS |= {"sft": "tests.fake_trial", "sweep_advice": "tests.fake_advice"}
    check.RULES = ()  # there is no real model to look into
    reconciler.EVERY_SECONDS = 0.3
    Life("worker").start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
