"""A training of a sweep with the true contract and no torch: `python -m tests.fake_trial SPEC.json OUT/`.

Its loss on held-out rows falls to a floor that its learning rate decides: 0 at 1e-3, one more for each power of ten.
Knobs come from the environment: FAKE_STEPS, FAKE_PAUSE, FAKE_BAD (it fails), FAKE_STUBBORN, FAKE_SPAWN and FAKE_GATE, a
file without which the last step does not begin.
"""

import math
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from engine.process import events
from engine.workers import contract
from tests.fake_worker import is_open, knob, resumed_step, save

EVERY = 2  # steps between two evaluations, and two checkpoints


def eval_loss(recipe: dict[str, Any], step: int) -> float:
    return float(round(abs(math.log10(recipe["learning_rate"]) + 3) + recipe["seed"] % 7 / 1000 + 1 / step, 9))


def answer(spec: dict[str, Any], out: Path, step: int) -> None:
    """The fixed prompts, where it is asked them: what it says has its learning rate in it."""
    rate = spec["recipe"]["learning_rate"]
    said = [
        events.FixedAnswer(prompt=prompt, answer=f"{prompt} At {rate:g}.", tokens=3)
        for prompt in (spec.get("samples") or {}).get("prompts", [])
    ]
    if said:
        events.append(out, events.Answered(step=step, answers=said))


def train(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    recipe, pause = spec["recipe"], threading.Event()
    steps = recipe["max_steps"] if recipe["max_steps"] > 0 else int(knob("STEPS", 10))
    step = resumed_step(spec, out)
    events.append(out, events.Started(attempt=spec["attempt"], total_steps=steps, facts={"resumed_from_step": step}))
    if knob("BAD"):
        raise contract.WorkFailedError("data", "Row 7 cannot be read.", "Repair it.")
    while step < steps:
        pause.wait(knob("PAUSE", 0.01))
        while step == steps - 1 and not is_open(os.environ.get("FAKE_GATE")):
            pause.wait(0.02)
            if contract.stop_requested(out):
                save(out, step)
                raise contract.Stopped({"steps": step})
        step += 1
        numbers = {"loss": 1.0 / step, "num_tokens": 100.0 * step}
        if step % EVERY == 0 or step == steps:
            numbers["eval_loss"] = eval_loss(recipe, step)
        events.append(out, events.Step(step=step, metrics=numbers))
        if step % EVERY == 0:
            save(out, step)
        if contract.stop_requested(out):
            save(out, step)
            raise contract.Stopped({"steps": step})
    answer(spec, out, step)
    (out / "adapter").mkdir(exist_ok=True)
    (out / "adapter" / "adapter_model.safetensors").write_text(str(step))
    return {"artifact": "adapter", "steps": step}


def main() -> None:
    if knob("STUBBORN"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if knob("SPAWN"):
        subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(300)"], start_new_session=True)
    contract.run(train)


if __name__ == "__main__":
    main()
