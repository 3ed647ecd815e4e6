"""A worker with the contract of the one that evaluates, and no model: `python -m tests.fake_evaluator SPEC.json OUT/`.

It finds what FAKE_RESULT says (JSON), once the file FAKE_GATE is there.
"""

import json
import os
import threading
from pathlib import Path
from typing import Any

from engine.process import events
from engine.workers import contract

FOUND = {"verdict": "better", "sentence": "Better.", "primary": "exact_match", "rows": 40}


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    gate = os.environ.get("FAKE_GATE")
    events.append(out, events.Progress(done=1, total=2, stage="writing answers"))
    while gate and not Path(gate).exists():
        threading.Event().wait(0.02)
        if contract.stop_requested(out):
            raise contract.Stopped
    return {**FOUND, **json.loads(os.environ.get("FAKE_RESULT", "{}")), "asked": spec["rows"]["path"]}


if __name__ == "__main__":
    contract.run(work)
