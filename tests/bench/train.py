"""Trainings by the studio against TRL alone: `python -m tests.bench.train [--methods sft,dpo] [--model FOLDER]`.

For each method the studio's worker, started as the studio starts it, and a bare TRL script, in turn: the same model,
rows, steps, batch and learning rate, each row once. Prints real tokens a second of both (no padding, after the first
steps) and their ratio, for each round and in the middle; then the loss of both results on the same held-out rows,
measured by TRL, so that speed is not bought with learning (for grpo and rloo: the rewards earned). Real rows are read
from TUNESMITH_TEST_DATA, others made up. Where TUNESMITH_LLAMAFACTORY_PYTHON names a Python that has LLaMA-Factory, sft
is also measured against that. Means something on an idle machine only.

gkd teaches a copy of the model whose weights were shaken (tests.bench.pupil) what the model itself says; --lmbda is the
share of steps on own answers. --set changes a field of the studio's recipe alone, to see what it is worth.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from engine.process import events
from engine.process.plan import plan_worker
from engine.recipes.methods import METHODS
from engine.recipes.recipe import Recipe
from engine.rows.store import columnar
from tests.bench import factory, pupil
from tests.bench.training_rows import KINDS, Row, rows

ROOT = Path(__file__).resolve().parents[2]
GENERATING = ("grpo", "rloo")
FITTING = ("reward", "orpo", "cpo", "simpo", "gkd")
HELD_OUT = 16  # rows
MAX_LENGTH = {"chat": 256, "text": 256}  # tokens of a row; of other kinds
LONGER = 512
ANSWER, GOOD_LENGTH = 32, 80  # tokens of an own answer, characters of a good one
SKIPPED = 2  # steps at the start, which are slower
Spec = dict[str, Any]


def specs(method: str, model: Path, chosen: argparse.Namespace, folder: Path) -> Spec:
    """What every side is told."""
    batch = chosen.batch
    a_step = batch // 4 if method in GENERATING else batch
    count = chosen.steps * a_step
    data = os.environ.get("TUNESMITH_TEST_DATA")
    # A score is read at the end, and TRL's orpo, cpo and gkd fail where one side fills the row. Rows of others are cut.
    length = MAX_LENGTH.get(KINDS[method], LONGER)
    most = 3 * length if method in FITTING else 1 << 40
    found = rows(KINDS[method], count + HELD_OUT, Path(data) if data else None, most)
    learner = pupil.shaken(model, folder / "pupil") if method == "gkd" else model
    return {
        "method": method,
        "model": str(learner),
        "teacher": str(model),
        "train": found[:count],
        "held_out": found[count:],
        "steps": chosen.steps,
        "skip": min(SKIPPED, chosen.steps - 1),
        "batch": batch,
        "max_length": length,
        "answer": ANSWER,
        "lmbda": chosen.lmbda,
        "own": dict(one.split("=", 1) for one in chosen.set),
        "learning_rate": METHODS[method].rates[0],
        "device": chosen.device,
        "out": str(folder),
    }


def stored(path: Path, kind: Any, found: list[Row]) -> Path:
    """The rows as an import leaves them."""
    with columnar.Writer(path, kind) as writer:
        for number, row in enumerate(found, 1):
            writer.add(number, row)
        writer.close()
    return path


def studio(spec: Spec, folder: Path) -> tuple[float, list[float]]:
    """Tokens a second, and losses (or rewards), of the studio's worker."""
    folder.mkdir()
    method = spec["method"]
    fields: dict[str, Any] = {
        "model_id": "bench",
        "dataset_id": "bench",
        "method": method,
        "max_steps": spec["steps"],
        "per_device_train_batch_size": spec["batch"],
        "max_length": spec["max_length"],
        "learning_rate": spec["learning_rate"],
        "save_steps": 100_000,
    }
    if method in GENERATING:
        fields |= {"reward_funcs": "length, regex", "reward_length": GOOD_LENGTH, "reward_pattern": r"\d"}
    if method in (*GENERATING, "gkd"):
        fields["max_completion_length"] = ANSWER
    if method == "gkd":
        fields |= {"teacher_id": "bench", "lmbda": spec["lmbda"]}
    told = {
        "recipe": Recipe.model_validate(fields | spec["own"]).model_dump(),
        "model_path": spec["model"],
        "dataset_path": str(stored(folder / "rows.parquet", KINDS[method], spec["train"])),
        "dataset_kind": KINDS[method],
        "companion": {"path": spec["teacher"], "adapter": None} if method == "gkd" else None,
        "device": spec["device"],
    }
    plan = plan_worker(method, told, folder)
    for file, text in plan.files.items():
        file.write_text(text, encoding="utf-8")
    run(plan.argv, folder)
    points = [one for one in events.read(folder)[0] if isinstance(one, events.Step) and "loss" in one.metrics]
    first, last = points[spec["skip"] - 1], points[-1]
    speed = (last.metrics["num_tokens"] - first.metrics["num_tokens"]) / (last.at - first.at)
    return speed, [one.metrics["reward" if method in GENERATING else "loss"] for one in points]


def bare(spec: Spec, folder: Path) -> dict[str, Any]:
    """What TRL alone says."""
    folder.mkdir(exist_ok=True)
    file = folder / "spec.json"
    file.write_text(json.dumps({**spec, "out": str(folder)}), encoding="utf-8")
    return dict(json.loads(run([sys.executable, "-m", "tests.bench.bare_trl", str(file)], folder).splitlines()[-1]))


def run(argv: list[str], folder: Path) -> str:
    """What the program printed. Raises SystemExit with its last words when it fails."""
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    settings = {"PYTHONPATH": paths, "HF_HUB_OFFLINE": "1", "TRL_EXPERIMENTAL_SILENCE": "1"}
    done = subprocess.run(argv, cwd=folder, env=os.environ | settings, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def measure(method: str, model: Path, chosen: argparse.Namespace, folder: Path) -> None:
    spec = specs(method, model, chosen, folder)
    ratios, others = [], []
    other = factory.python() if method == "sft" else None
    for number in range(chosen.rounds):
        here = folder / f"{method}-{number}"
        speed, curve = studio(spec, here)
        theirs = bare(spec, folder / f"{method}-{number}-trl")
        ratios.append(speed / theirs["tokens_per_second"])
        line = (
            f"{method:7} studio {speed:8.1f}  TRL {theirs['tokens_per_second']:8.1f} tokens/s  ratio {ratios[-1]:5.2f}"
        )
        if other:
            seconds = factory.train(other, spec, folder / f"{method}-{number}-factory")
            others.append(speed * seconds / _tokens(here, spec))
            line += f"  LLaMA-Factory {speed / others[-1]:8.1f} ratio {others[-1]:5.2f}"
        print(line, flush=True)
    print(f"{method:7} median ratio {_middle(ratios)}" + (f", to LLaMA-Factory {_middle(others)}" if others else ""))
    _learnt(spec, folder, curve, theirs)


def _tokens(here: Path, spec: Spec) -> float:
    """Real tokens of the steps that are timed."""
    points = [one for one in events.read(here)[0] if isinstance(one, events.Step) and "loss" in one.metrics]
    return float(points[-1].metrics["num_tokens"] - points[spec["skip"] - 1].metrics["num_tokens"])


def _middle(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f})"


def _learnt(spec: Spec, folder: Path, curve: list[float], theirs: dict[str, Any]) -> None:
    """The results of the first round on the held-out rows, all measured by TRL."""
    method = spec["method"]
    if method in GENERATING:
        print(
            f"{method:7} mean reward: studio {statistics.mean(curve):.4f}, TRL {statistics.mean(theirs['rewards']):.4f}"
        )
        return
    results = {"studio": folder / f"{method}-0" / "adapter", "TRL": folder / f"{method}-0-trl" / "adapter"}
    if (folder / f"{method}-0-factory").is_dir():
        results["LLaMA-Factory"] = folder / f"{method}-0-factory"
    told = []
    for name, adapter in results.items():
        found = bare({**spec, "adapter": str(adapter)}, folder / "measured")
        told.append(f"{name} {found['eval_loss']:.4f}")
    print(f"{method:7} loss on {HELD_OUT} held-out rows: {', '.join(told)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", default=",".join(KINDS))
    parser.add_argument("--model", default=os.environ.get("TUNESMITH_BENCH_MODEL", ""))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--device", default="cpu", help="cpu or cuda:0")
    parser.add_argument("--lmbda", type=float, default=0.0, help="gkd: share of steps on own answers")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="in the studio's recipe")
    chosen = parser.parse_args()
    if not Path(chosen.model, "config.json").is_file() or chosen.steps < 2:
        raise SystemExit("Name a model folder by --model or TUNESMITH_BENCH_MODEL, and at least 2 steps.")
    for method in chosen.methods.split(","):
        with tempfile.TemporaryDirectory() as folder:
            measure(method, Path(chosen.model).resolve(), chosen, Path(folder))


if __name__ == "__main__":
    main()
