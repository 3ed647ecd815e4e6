"""A probe's worker that measures nothing: says what real steps might have, as soon as the file OUT/go is there."""

import threading
from pathlib import Path
from typing import Any

from engine.fit.measurement import Largest, Measured, Rows, Suggestion, Trial
from engine.process import events
from engine.workers import contract

STEPS = 200  # of a tenth of a second


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    (out / "scratch").mkdir()
    recipe = spec["recipe"]
    for _ in range(STEPS):
        events.append(out, events.Progress(done=1, total=4, stage="measuring the recipe"))
        if (out.parent.parent / "go").exists():
            break
        threading.Event().wait(0.05)
    batch, step = recipe["per_device_train_batch_size"], recipe["gradient_accumulation_steps"]
    return measured(batch, step, recipe["max_length"], spec["device"]).model_dump()


def measured(batch: int, accumulation: int, max_length: int, device: str = "cpu", fits: bool = True) -> Measured:
    """Two trials: the recipe, and half its batch, which is suggested when the whole one does not fit."""
    half = max(1, batch // 2)
    sizes = {"per_device_train_batch_size": half, "gradient_accumulation_steps": batch * accumulation // half}
    trials = [
        Trial(
            batch=size,
            gradient_checkpointing=False,
            automatic=size == batch,
            max_length=max_length,
            fits=fits or size == half,
            peak_bytes=500_000_000 + size * 100_000_000,
            before_bytes=500_000_000,
            tokens_per_second=1000,
            seconds_a_batch=0.4,
            usual_seconds_a_batch=0.2,
        )
        for size in (batch, half)
    ]
    return Measured(
        device=device,
        available_bytes=2_000_000_000,
        start_seconds=3,
        rows=Rows(looked_at=40, kept=30, mean_tokens=50, longest_tokens=128),
        trials=trials,
        largest=Largest(batch=15),
        suggestion=Suggestion(fields={} if fits else {**sizes, "gradient_checkpointing": False}, reason="So it fits."),
    )


if __name__ == "__main__":
    contract.run(work)
