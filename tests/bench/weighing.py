"""What the order of rows and the weight of steps are worth: `python -m tests.bench.weighing --model FOLDER`.

Trains the same rows by sft once for each way and seed, each in a process of its own, in turn, and measures the loss of
every learnt token of the same held-out rows. Ways: `random`; `grouped`, rows of similar length in a step, which is what
`group_by_length` does; `weighed`, the same with each step counted by its learnt tokens; `small` and `small weighed`,
rows sorted among the rows of eight steps only. Prints held-out losses, their mean against `random`, and tokens a
processor second against it. Those can be compared on a busy machine, if not to the last per cent; seconds cannot.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.train import ROOT, stored
from tests.bench.training_rows import rows

SMALL = 8  # steps whose rows are sorted together
WAYS: dict[str, dict[str, Any]] = {
    "random": {"train_sampling_strategy": "random"},
    "grouped": {},
    "weighed": {"weighed": True},
    "small": {"together": SMALL},
    "small weighed": {"weighed": True, "together": SMALL},
}
HELD_OUT, LONGEST, MOST = 48, 256, 800  # rows; tokens of one; characters of one, so that none is cut


def train(spec: dict[str, Any]) -> dict[str, float]:
    """One training in this process: held-out loss by token, processor seconds, tokens."""
    from engine.workers.train import sft  # noqa: PLC0415  (before torch)

    os.environ.update(sft.OFFLINE)
    import torch  # noqa: PLC0415  (only here)

    from engine.workers.train import checkpointing, training  # noqa: PLC0415
    from engine.workers.trainers import row_order  # noqa: PLC0415
    from engine.workers.trainers.rows import learnt_tokens  # noqa: PLC0415

    torch.set_num_threads(spec["threads"])
    way, out = dict(spec["way"]), Path(spec["out"])
    row_order.BATCHES_SORTED_TOGETHER = way.pop("together", row_order.BATCHES_SORTED_TOGETHER)
    is_weighed = way.pop("weighed", False)
    recipe = {
        "model_id": "bench",
        "dataset_id": "bench",
        "max_steps": spec["steps"],
        "per_device_train_batch_size": spec["batch"],
        "max_length": LONGEST,
        "save_steps": 100_000,
        "seed": spec["seed"],
        **way,
    }
    told = {"recipe": recipe, "model_path": spec["model"], "dataset_kind": "chat", "dataset_path": spec["train"]}
    made = training.make(training.Spec.read(told), training.SUPERVISED, out)
    made.trainer.usual_labels = learnt_tokens(made.rows.train) * spec["batch"] if is_weighed else None
    began = time.process_time()
    checkpointing.train(made.trainer, None)
    seconds = time.process_time() - began
    other = training.Spec.read({**told, "dataset_path": spec["held_out"]})
    return {"loss": held_out_loss(made, other, out), "seconds": seconds, "tokens": made.trainer._total_train_tokens}


def held_out_loss(made: Any, spec: Any, out: Path) -> float:
    """The mean loss of all learnt tokens of the held-out rows: long rows count by their length."""
    import torch  # noqa: PLC0415

    from engine.workers.train import training  # noqa: PLC0415
    from engine.workers.trainers.fast_sft import NOT_LEARNT, labelled_sum, without_adapter  # noqa: PLC0415

    model = without_adapter(made.trainer.model).eval()
    total, count = 0.0, 0
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=made.base.bf16):
        for row in training.SUPERVISED.rows(spec, made.base, out).train:
            ids, labels = torch.tensor([row["input_ids"]]), torch.tensor([row["labels"]])
            total += float(labelled_sum(model, {"input_ids": ids, "attention_mask": torch.ones_like(ids)}, labels))
            count += int((labels[:, 1:] != NOT_LEARNT).sum())
    return total / count


def run(spec: dict[str, Any], folder: Path) -> dict[str, float]:
    """The same in a process of its own. Raises SystemExit with its last words when it fails."""
    folder.mkdir()
    argv = [sys.executable, "-m", "tests.bench.weighing", "--one", json.dumps({**spec, "out": str(folder)})]
    environment = os.environ | {"OMP_NUM_THREADS": str(spec["threads"])}
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return dict(json.loads(done.stdout.splitlines()[-1]))


def table(found: dict[str, list[dict[str, float]]]) -> str:
    """A line for each way: losses of all seeds, their mean against random, tokens a processor second against random."""
    base = found.get("random") or next(iter(found.values()))
    lines = []
    for way, results in found.items():
        losses = [result["loss"] for result in results]
        ratio = statistics.mean(result["loss"] / other["loss"] for result, other in zip(results, base, strict=False))
        pace = statistics.mean(
            result["tokens"] / result["seconds"] / (other["tokens"] / other["seconds"])
            for result, other in zip(results, base, strict=False)
        )
        told = " ".join(f"{loss:.4f}" for loss in losses)
        lines.append(
            f"{way:14} {told}  mean {statistics.mean(losses):.4f}  {100 * (ratio - 1):+.2f} %  pace {pace:.2f}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=os.environ.get("TUNESMITH_BENCH_MODEL", ""))
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(train(json.loads(chosen.one))))
        return
    if not Path(chosen.model, "config.json").is_file():
        raise SystemExit("Name a model folder by --model or TUNESMITH_BENCH_MODEL.")
    data = os.environ.get("TUNESMITH_TEST_DATA")
    all_rows = rows("chat", chosen.steps * chosen.batch + HELD_OUT, Path(data) if data else None, MOST)
    found: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        shared = {
            "model": str(Path(chosen.model).resolve()),
            "steps": chosen.steps,
            "batch": chosen.batch,
            "threads": chosen.threads,
            "train": str(stored(Path(folder) / "train.parquet", "chat", all_rows[HELD_OUT:])),
            "held_out": str(stored(Path(folder) / "held_out.parquet", "chat", all_rows[:HELD_OUT])),
        }
        for seed in range(chosen.seeds):
            for way in chosen.ways.split(","):
                spec = {**shared, "way": WAYS[way], "seed": seed}
                found.setdefault(way, []).append(run(spec, Path(folder) / f"{way}-{seed}"))
                print(f"seed {seed} {way:14} {found[way][-1]}", flush=True)
    print(table(found))


if __name__ == "__main__":
    main()
