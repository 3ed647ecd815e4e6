"""The engine in a process of its own, for tests that kill it: `python -m tests.engine_process`."""

import threading

from engine.life import reconciler
from engine.life.life import Life
from engine.process import plan


def main() -> None:
    plan.WORKERS["sft"] = "tests.fake_worker"
    reconciler.EVERY_SECONDS = 0.3
    Life("worker").start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
