"""A worker with the true contract and no torch: `python -m tests.fake_worker SPEC.json OUT/`.

Its loss falls from 2 along a hash, so that a wrong resume shows. Knobs come from the environment (FAKE_STEPS,
FAKE_PAUSE, FAKE_SAVE, FAKE_CRASH_AT, FAKE_FAIL, FAKE_IGNORE_STOP, FAKE_SPAWN, FAKE_NO_ARTIFACT, FAKE_EXIT,
FAKE_HANG_AT: the step after which the first attempt hangs,
FAKE_ROOM: the most rows at once that fit into its memory, from the seventh step on, and FAKE_GATE: a file without
which the last step does not begin).
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from engine.process import events
from engine.weights import checkpoints
from engine.workers import contract


def knob(name: str, default: float = 0) -> float:
    return float(os.environ.get(f"FAKE_{name}", default))


def loss_at(step: int) -> float:
    digest = hashlib.sha256(str(step).encode()).digest()
    return 2 / step + digest[0] / 25_600


BEFORE_ITS_FIRST_WORD, BEFORE_ITS_FIRST_STEP = -1, -2  # for HANG_AT


def train(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    steps, pause = int(knob("STEPS", 20)), threading.Event()
    step = resumed_step(spec, out)
    _hang_at(BEFORE_ITS_FIRST_WORD, spec["attempt"])
    events.append(out, events.Started(attempt=spec["attempt"], total_steps=steps, facts={"resumed_from_step": step}))
    _hang_at(BEFORE_ITS_FIRST_STEP, spec["attempt"])
    while step < steps:
        pause.wait(knob("PAUSE", 0.01))
        step += 1
        while step == steps and not is_open(os.environ.get("FAKE_GATE")):
            pause.wait(0.02)
        numbers = {"loss": loss_at(step), "learning_rate": 1e-3, "tokens_per_second": 100.0}
        events.append(out, events.Step(step=step, metrics=numbers))
        if step > 6 and spec.get("recipe", {}).get("per_device_train_batch_size", 0) > knob("ROOM", 10_000):
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory")
        if step == knob("CRASH_AT"):
            os.kill(os.getpid(), signal.SIGKILL)
        if knob("SAVE") and step % knob("SAVE") == 0:
            save(out, step)
        _hang_at(step, spec["attempt"])
        if contract.stop_requested(out) and not knob("IGNORE_STOP"):
            save(out, step)
            raise contract.Stopped({"steps": step})
    if not knob("NO_ARTIFACT"):
        (out / "adapter").mkdir(exist_ok=True)
        (out / "adapter" / "adapter_model.safetensors").write_text(str(step))
    return {"artifact": "adapter", "steps": step, "train_loss": loss_at(step)}


def _hang_at(step: int, attempt: int) -> None:
    if step == knob("HANG_AT") and attempt == 1:
        wait_for_a_peer_that_never_answers()


def wait_for_a_peer_that_never_answers() -> None:
    """As a training does when one of its processes is gone: alive, in a call that never ends."""
    threading.Event().wait()


def is_open(gate: str | None) -> bool:
    return gate is None or Path(gate).exists()


def resumed_step(spec: dict[str, Any], out: Path) -> int:
    """The step of the newest good checkpoint up to the one that it is told to resume from; 0 for a fresh start."""
    checkpoints.put_aside_partial(out)
    if not spec.get("resume_from"):
        return 0
    good = checkpoints.newest_good_up_to(out, checkpoints.step_of(Path(spec["resume_from"])))
    return int(json.loads((good / "state.json").read_text())["step"]) if good else 0


def save(out: Path, step: int) -> None:
    """A checkpoint as a real worker leaves it, but for its weights."""
    folder = checkpoints.folder_of(out) / f"checkpoint-{step}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "state.json").write_text(json.dumps({"step": step}))
    checkpoints.write_manifest(folder, step)
    events.append(out, events.Saved(step=step, checkpoint=f"checkpoints/{folder.name}"))


def main() -> None:
    if knob("IGNORE_STOP") > 1:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if knob("SPAWN"):  # in a session of its own, as torchrun starts its ranks
        subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(300)"], start_new_session=True)
    if "FAKE_EXIT" in os.environ:
        print("\x1b[31mImportError: no such library\x1b[0m", flush=True)
        os._exit(int(knob("EXIT")))
    if failure := os.environ.get("FAKE_FAIL"):
        category, _, at = failure.partition(":")
        os.environ["FAKE_STEPS"] = at or "0"
        contract.run(lambda spec, out: _fail(train(spec, out), category))
    contract.run(train)


def _fail(_result: dict[str, Any], category: Any) -> None:
    raise contract.WorkFailedError(category, f"no good: {category}", "try otherwise")


if __name__ == "__main__":
    main()
