"""What the sandbox of a person's own reward function costs: `python -m tests.bench.rewards --model FOLDER`.

First the function alone, asked for batches of answers in the sandbox and in this process: answers a second, and what
the first question costs, which starts the sandbox. Then GRPO with it, once each way, in a process of its own: rollouts
a second, seconds of a step, and the share of them that judging took. On a busy machine compare the shares.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.rows.store import columnar
from engine.workers.rewards import code as reward_code
from tests.bench.train import ROOT
from tests.workers.train.judged import prompts

CODE = """
import re

def reward(prompt, completion, ground_truth, **columns):
    numbers = re.findall(r"-?[0-9]+", completion)
    return float(bool(numbers) and numbers[-1] == ground_truth) + 0.1 * min(len(completion), 20) / 20
"""
WAYS = ("sandbox", "in process")
BATCHES = (8, 64, 512)  # answers
ROUNDS = 30


class InProcess:
    """The same function without anything that holds it back: only to be compared with."""

    def __init__(self, code: str, _seconds: float) -> None:
        names: dict[str, Any] = {}
        exec(code, names)  # the text above
        self._reward = names["reward"]

    def ask(self, rows: Sequence[dict[str, Any]]) -> list[float | None]:
        return [self._reward(**row) for row in rows]

    def close(self) -> None:
        """Nothing."""


def alone(function: Any, batch: int) -> tuple[float, float]:
    """Seconds of the first question, and of a later batch in the median."""
    rows = [
        {"prompt": f"What is {n}?", "completion": f"It is {n}. " * 20, "ground_truth": f"{n}"} for n in range(batch)
    ]
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        function.ask(rows)
        seconds.append(time.perf_counter() - began)
    function.close()
    return seconds[0], statistics.median(seconds[1:])


def train(spec: dict[str, Any]) -> dict[str, float]:
    """GRPO in this process: seconds of all steps, and of the judging in them."""
    from engine.workers.train import sft  # noqa: PLC0415  (before torch)

    os.environ.update(sft.OFFLINE)
    import torch  # noqa: PLC0415  (only here)

    from engine.workers.rewards import rewards  # noqa: PLC0415
    from engine.workers.train import checkpointing, family_reinforce, training  # noqa: PLC0415

    torch.set_num_threads(spec["threads"])
    judging: list[float] = []

    def maker(recipe: Any, _scores: Any) -> Any:
        kind = reward_code.Function if spec["way"] == "sandbox" else InProcess
        function = kind(recipe.reward_code, recipe.reward_seconds)
        function.ask([])

        def judge(answers: Sequence[Any]) -> list[float | None]:
            began = time.perf_counter()
            worths = function.ask([answer.arguments for answer in answers])
            judging.append(time.perf_counter() - began)
            return worths

        return judge

    rewards.MAKERS["python"] = maker
    out = Path(spec["out"])
    recipe = {
        "model_id": "bench", "dataset_id": "bench", "method": "grpo", "reward_funcs": "python", "reward_code": CODE,
        "max_steps": spec["steps"], "per_device_train_batch_size": spec["answers"], "num_generations": 4,
        "max_completion_length": spec["tokens"], "max_length": 128 + spec["tokens"], "save_steps": 100_000, "seed": 1,
    }  # fmt: skip
    told = {"recipe": recipe, "model_path": spec["model"], "dataset_kind": "prompt", "dataset_path": spec["rows"]}
    made = training.make(training.Spec.read(told), family_reinforce.FAMILY, out)
    began = time.perf_counter()
    checkpointing.train(made.trainer, None)
    return {"seconds": time.perf_counter() - began, "judging": sum(judging), "batches": len(judging)}


def run(spec: dict[str, Any], folder: Path) -> dict[str, float]:
    """The same in a process of its own. Raises SystemExit with its last words when it fails."""
    folder.mkdir()
    argv = [sys.executable, "-m", "tests.bench.rewards", "--one", json.dumps({**spec, "out": str(folder)})]
    environment = os.environ | {"OMP_NUM_THREADS": str(spec["threads"])}
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=os.environ.get("TUNESMITH_BENCH_MODEL", ""))
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--answers", type=int, default=8, help="of a step")
    parser.add_argument("--tokens", type=int, default=24, help="of an answer, at most")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(train(json.loads(chosen.one))))
        return
    for batch in BATCHES:
        for way, kind in zip(WAYS, (reward_code.Function, InProcess), strict=True):
            first, later = alone(kind(CODE, 10.0), batch)
            words = f"first {1000 * first:.1f} ms, then {1000 * later:.2f} ms, {batch / later:,.0f} answers/s"
            print(f"{batch:4} answers, {way:10} {words}", flush=True)
    if not Path(chosen.model, "config.json").is_file():
        raise SystemExit("For GRPO, name a model folder by --model or TUNESMITH_BENCH_MODEL.")
    shared = {**vars(chosen), "model": str(Path(chosen.model).resolve())}
    with tempfile.TemporaryDirectory() as folder:
        shared["rows"] = str(Path(folder, "prompts.parquet"))
        with columnar.Writer(Path(shared["rows"]), "prompt") as writer:
            for number, row in enumerate(prompts(64), 1):
                writer.add(number, row)
            writer.close()
        for number, way in enumerate(WAYS):
            found = run({**shared, "way": way}, Path(folder, str(number)))
            step, share = found["seconds"] / chosen.steps, found["judging"] / found["seconds"]
            pace = chosen.steps * chosen.answers / found["seconds"]
            print(
                f"GRPO, {way:10} {pace:.2f} rollouts/s, {step:.2f} s a step, of which judging {100 * share:.2f} %",
                flush=True,
            )


if __name__ == "__main__":
    main()
