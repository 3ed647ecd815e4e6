"""How fast this machine multiplies matrices: `python -m engine.workers.fit.machine_speed SPEC.json OUT/`.

Spec: {"device": "cpu" or "cuda:N", "bf16": bool}. Result: {"flops": floating-point operations a second}.
"""

import os
import time
from pathlib import Path
from typing import Any

from engine.workers import contract, lean_imports

SECONDS = 0.3
WIDTHS = {"cpu": 1024, "cuda": 8192}  # large enough to keep every core busy


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Multiplies squares for SECONDS, after one to warm up. A product of width n is 2 n^3 operations.

    The quickest counts: what else the machine does at the time makes others slower, and none quicker.
    """
    if spec["device"] == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    with lean_imports.importing():
        import torch  # noqa: PLC0415  (two seconds; and a broken install becomes a Failed event)

    device_type = spec["device"].partition(":")[0]
    width = WIDTHS[device_type]
    square = torch.ones(width, width, dtype=torch.bfloat16 if spec["bf16"] else torch.float32, device=spec["device"])
    times: list[float] = []
    with torch.no_grad():
        square @ square
        while sum(times) < SECONDS:
            started = time.monotonic()
            float((square @ square)[0, 0])  # asks for a number, so the GPU has to be done
            times.append(time.monotonic() - started)
    return {"flops": 2 * width**3 / min(times)}


if __name__ == "__main__":
    contract.run(work)
