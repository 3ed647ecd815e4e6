"""A worker that writes half an export by the real means, and then waits to be killed.

`python -m tests.workers.exports.half_written SPEC.json OUT/`
"""

import os
import signal
from pathlib import Path
from typing import Any

from engine.workers import contract
from engine.workers.exports import aside


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    is_merge = "dtype" in spec
    attempt = len(list(out.glob("plan.*.json")))
    with aside.aside(out, "model" if is_merge else "gguf") as folder:
        name = "model.safetensors" if is_merge else f"{spec['name']}.gguf"
        (folder / name).write_bytes(bytes(1000))
        (folder.parent / "base.gguf").write_bytes(bytes(1000))
        (folder.parent / "pid.part").write_text(f"{attempt} {os.getpid()}")
        (folder.parent / "pid.part").rename(folder.parent / "pid")
        signal.pause()
    return {}


if __name__ == "__main__":
    contract.run(work)
