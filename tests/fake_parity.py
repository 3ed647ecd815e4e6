"""A comparison without a model, whose result is in FAKE_PARITY: `python -m tests.fake_parity SPEC.json OUT/`."""

import json
import os
from pathlib import Path
from typing import Any

from engine.workers import contract


def work(spec: dict[str, Any], _out: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(os.environ["FAKE_PARITY"])
    return result | {"address": spec["address"]}


if __name__ == "__main__":
    contract.run(work)
