"""A worker of a piece of work: counts to `count`, then says what it was told. `die`, `fail`, `pause`: unhappy roads."""

import os
import signal
import threading
from pathlib import Path
from typing import Any

from engine.process import events
from engine.workers import contract


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    count = int(spec.get("count", 3))
    for done in range(count):
        events.append(out, events.Progress(done=done, total=count, stage="counting"))
        threading.Event().wait(float(spec.get("pause", 0)))
    if spec.get("die") == "always" or (spec.get("die") == "once" and not (out / "died").exists()):
        (out / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if spec.get("fail"):
        raise contract.WorkFailedError("data", str(spec["fail"]), "Change it.")
    (out / "counted.txt").write_text(str(count))
    return {"count": count, "secret": len(os.environ.get("SECRET_OF_THE_TEST", ""))}


if __name__ == "__main__":
    contract.run(work)
