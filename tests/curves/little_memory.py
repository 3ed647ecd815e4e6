"""The worker of SFT in a container that is nearly too small: `python -m tests.curves.little_memory SPEC.json OUT/`.

Its limit stands where the worker reads it, in a file as the kernel writes it, and is what the worker has taken when it
has imported torch and three quarters more: as much as the training then takes, nearly.
"""

from pathlib import Path
from typing import Any

from engine.process.meter import container
from engine.workers import contract
from engine.workers.train import sft

MORE = 1.75  # times what it has taken before it loads the model


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """As engine.workers.train.sft, in little memory."""
    sft.get_ready(spec, out)
    from engine.workers.train import peak_memory  # noqa: PLC0415  (as the worker itself does)

    limit = out / "memory.max"
    limit.write_text(f"{int(peak_memory.peak_bytes('cpu') * MORE)}\n")
    container.LIMIT = limit
    return sft.work(spec, out)


if __name__ == "__main__":
    contract.run(work)
