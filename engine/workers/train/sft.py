"""Supervised fine-tuning and continued pre-training: `python -m engine.workers.train.sft SPEC.json OUT/`.

Queued by a run, ends when the result is saved and checked, when it is asked to stop, or when it cannot go on. Light
on purpose: the first event is written before the seconds that torch and TRL take to import.
"""

import os
import warnings
from pathlib import Path
from typing import Any

from engine.process import events
from engine.workers import contract, lean_imports
from engine.workers.train import hidden_packages

# Everything is on disk already: nothing here may call a hub, or tell one what is trained.
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "true",
}
# Batches differ in length, and fixed segments of GPU memory would be cut up by them.
GROWING = ("PYTORCH_ALLOC_CONF", "expandable_segments:True")


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Trains as the spec says and returns the result; see engine.workers.train.training."""
    get_ready(spec, out)
    with lean_imports.importing():
        from engine.workers.train import training  # noqa: PLC0415  (seconds; and a broken install becomes a Failed event)

    return training.train(spec, out)


def get_ready(spec: dict[str, Any], out: Path) -> None:
    """What has to be settled before torch is imported: a first event, no hub, one device."""
    events.append(out, events.Progress(done=0, total=1, stage="loading"))
    os.environ.update(OFFLINE)
    warnings.filterwarnings("ignore", category=FutureWarning)  # between libraries; the user's log is not their forum
    _choose_device(spec.get("device", "cpu"))
    hidden_packages.hide(spec["recipe"])


def _choose_device(device: str) -> None:
    """Shows this process its own GPU alone, or none; a studio that has chosen already is left in charge."""
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    else:
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", device.partition(":")[2] or "0")
        os.environ.setdefault(*GROWING)


if __name__ == "__main__":
    contract.run(work)
