"""The engine in a process of its own, for tests that kill it: `python -m tests.engine_process`."""

import threading

from engine.life import reconciler
from engine.life.life import Life
from engine.process import plan
from engine.runs import supervision


def main() -> None:
    plan.WORKERS["sft"] = "tests.fake_worker"
    supervision.LOST_SECONDS = 1  # many kills in a short time: what was lost is looked for sooner
    reconciler.EVERY_SECONDS = 0.3
    Life("worker").start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
