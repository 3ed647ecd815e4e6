"""Every optimiser and schedule takes real steps; those with a state of their own go on after a checkpoint exactly."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.process import events, machine
from engine.recipes.choices import optimisers
from engine.recipes.choices.optimisers import OPTIMISERS
from engine.workers.train import training
from tests.workers.train.training_runs import spec, steps, sums, write_rows

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]
INSTALLED = [name for name, optimiser in OPTIMISERS.items() if not optimisers.missing(name)]
WORKING = [name for name in INSTALLED if machine.has_gpu() or not OPTIMISERS[name].gpu]
RESUMED = ["lion_8bit", "muon", "galore_adamw", "apollo_adamw", "schedule_free_adamw"]


def learns(recipe: dict[str, Any], model: Path, out: Path) -> dict[int, dict[str, float]]:
    out.mkdir(exist_ok=True)
    training.train(spec(model, write_rows(out, "chat", sums(8)), **recipe), out)
    return steps(events.read(out)[0])


def fitting(optim: str) -> dict[str, Any]:
    optimiser = OPTIMISERS[optim]
    schedule = {"lr_scheduler_type": "constant"} if optimiser.steady else {}
    options = {"optim_args": "rank=4,update_proj_gap=2"} if optimiser.whole else {}
    step_fields = {"max_steps": 8 if optim == "schedule_free_radam" else 2}  # its first five steps are none
    return {
        "optim": optim,
        "tuning": "full" if optimiser.whole else "lora",
        "learning_rate": 1e-3,
        **schedule,
        **options,
        **step_fields,
    }


# One of each kind is quick enough for every run of the tests; all of them together are slow.
KINDS = ("adamw_torch_fused", "adamw_8bit", "adafactor", "sgd", "rmsprop", "schedule_free_radam")
STEPPING = [
    pytest.param(name, marks=() if name in KINDS else pytest.mark.slow) for name in WORKING if name not in RESUMED
]


@pytest.mark.parametrize("optim", STEPPING)
def test_it_takes_steps_that_change_the_loss(optim: str, tiny_model: Path, tmp_path: Path) -> None:
    points = learns(fitting(optim), tiny_model, tmp_path)
    assert points[max(points)]["loss"] != points[1]["loss"]


def digest(out: Path) -> str:
    """Of the result."""
    files = sorted([*out.glob("adapter/*.safetensors"), *out.glob("model/*.safetensors")])
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def goes_on_exactly(recipe: dict[str, Any], model: Path, out: Path) -> None:
    """Trains, then goes on from the checkpoint in the middle, and compares losses and result."""
    recipe = {"max_steps": 4, "save_steps": 2, **recipe}
    unbroken, before = learns(recipe, model, out), digest(out)
    for name in ("adapter", "model"):
        shutil.rmtree(out / name, ignore_errors=True)
    (out / "events.jsonl").unlink()
    torch.manual_seed(99)  # whatever went on in between
    training.train(spec(model, out / "rows.parquet", resume_from=out / "checkpoints" / "checkpoint-2", **recipe), out)
    assert steps(events.read(out)[0]) == {step: unbroken[step] for step in (3, 4)}
    assert digest(out) == before


@pytest.mark.parametrize("optim", [name for name in RESUMED if name in WORKING])
def test_it_goes_on_after_a_checkpoint_exactly(optim: str, tiny_model: Path, tmp_path: Path) -> None:
    goes_on_exactly(fitting(optim) | {"max_steps": 4}, tiny_model, tmp_path)


TUNINGS: dict[str, dict[str, Any]] = {
    "pissa": {"init_lora_weights": "pissa_niter_16", "lora_dropout": 0.1},
    "loftq": {"tuning": "qlora", "init_lora_weights": "loftq"},
    "dora and lora+": {"use_dora": True, "loraplus_lr_ratio": 4, "modules_to_save": "norm"},
    "oft": {"tuning": "oft"},
    "ia3": {"tuning": "ia3"},
    "prompt": {"tuning": "prompt", "neftune_noise_alpha": 5},
    "prefix": {"tuning": "prefix"},
    "freeze": {"tuning": "freeze", "optim": "muon"},
}


@pytest.mark.parametrize("tuning", TUNINGS)
def test_a_tuning_goes_on_after_a_checkpoint_exactly(tuning: str, tiny_model: Path, tmp_path: Path) -> None:
    goes_on_exactly(TUNINGS[tuning], tiny_model, tmp_path)


SCHEDULES: dict[str, dict[str, Any]] = {
    "cosine_with_restarts": {"lr_scheduler_kwargs": "num_cycles=2"},
    "cosine_with_min_lr": {"lr_scheduler_kwargs": "min_lr_rate=0.5"},
    "polynomial": {"lr_scheduler_kwargs": "power=2.0,lr_end=1e-5"},
    "inverse_sqrt": {"warmup_steps": 1},
    "warmup_stable_decay": {"lr_scheduler_kwargs": "num_decay_steps=2", "warmup_ratio": 0.25},
    "reduce_lr_on_plateau": {"lr_scheduler_kwargs": "patience=1", "eval_fraction": 0.25, "eval_steps": 1},
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_moves_the_rate(schedule: str, tiny_model: Path, tmp_path: Path) -> None:
    points = learns({"lr_scheduler_type": schedule, **SCHEDULES[schedule]}, tiny_model, tmp_path)
    rates = [point["learning_rate"] for point in points.values() if "learning_rate" in point]
    assert len(rates) == 4
    assert len(set(rates)) > 1 or schedule == "reduce_lr_on_plateau"
    assert max(rates) <= 5e-3
