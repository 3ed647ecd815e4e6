"""A training whose best settings are known: `python -m tests.synthetic_trial SPEC.json OUT/`.

Its loss on held-out rows falls from 3 to a floor that the settings decide. The floor is 1 at a learning rate of 6e-4, a
warm-up of a tenth, no weight decay, rank 24 and batches of 16 rows. Of settings drawn by chance one in a hundred comes
within 5 % of it. A learning rate ten times too high makes the loss no number half-way, as in a real one.
"""

import hashlib
import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.process import events
from engine.sweeps.spec import Choices, Dimension, Range
from engine.workers import contract

STEPS, EVERY = 100, 10  # of one training; between two evaluations
BEGIN, FLOOR, PACE, NOISE = 3.0, 1.0, 25.0, 0.003
OPTIMUM = FLOOR + (BEGIN - FLOOR) * math.exp(-STEPS / PACE)  # the loss of the best settings at the last step
SPACE: dict[str, Dimension] = {
    "learning_rate": Range(low=1e-5, high=1e-2, log=True),
    "warmup_ratio": Range(low=0, high=0.3),
    "weight_decay": Range(low=0, high=0.3),
    "lora_r": Range(low=4, high=64, step=4),
    "per_device_train_batch_size": Choices(choices=(4, 8, 16, 32)),
}
WHOLE = ("lora_r",)


def floor(params: Mapping[str, Any]) -> float:
    """What a training comes down to. The learning rate decides most, the batch least."""
    rate: float = math.log10(params["learning_rate"] / 6e-4)
    warmup, decay = params["warmup_ratio"] - 0.1, params["weight_decay"]
    rank, batch = (params["lora_r"] - 24) / 40, math.log2(params["per_device_train_batch_size"] / 16)
    floor_loss: float = FLOOR + 0.25 * rate**2 + 2 * warmup**2 + 0.3 * decay + 0.08 * rank**2 + 0.02 * batch**2
    return floor_loss


def eval_loss(params: Mapping[str, Any], step: int) -> float:
    """The loss at a step, with the small noise that evaluations have: the same again for the same settings."""
    rate = params["learning_rate"] / 6e-4
    if rate > 10 and step > STEPS // 2:
        return math.nan
    digest = hashlib.sha256(f"{sorted(params.items())} {step}".encode()).digest()
    noise = random.Random(digest).gauss(0, NOISE)
    slow = PACE / min(1.0, max(0.3, rate))  # a small learning rate takes longer as well
    return floor(params) + (BEGIN - FLOOR) * math.exp(-step / slow) + noise


def train(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Tells its evaluations as a training of the studio does. Takes no time."""
    recipe = spec["recipe"]
    params = {field: recipe[field] for field in SPACE}
    events.append(out, events.Started(attempt=spec["attempt"], total_steps=STEPS))
    for step in range(EVERY, STEPS + 1, EVERY):
        events.append(out, events.Step(step=step, metrics={"eval_loss": eval_loss(params, step)}))
        if contract.stop_requested(out):
            raise contract.Stopped({"steps": step})
    (out / "adapter").mkdir(exist_ok=True)
    (out / "adapter" / "adapter_model.safetensors").write_text("synthetic")
    return {"artifact": "adapter", "steps": STEPS}


if __name__ == "__main__":
    contract.run(train)
