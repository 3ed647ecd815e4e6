"""Every method in two processes, and what is kept and when it ends decided together."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from engine.process import events
from engine.recipes.methods import GENERATING, METHODS
from engine.workers.fit import steps as fit_steps
from engine.workers.train import training
from tests import tiny
from tests.workers.train.several import finish_warm
from tests.workers.train.test_methods import recipe_spec
from tests.workers.train.training_runs import only, spec, steps, sums, write_rows

pytestmark = [
    pytest.mark.slow,  # nine trainings one after another, in two processes
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]

TWO: dict[str, Any] = {"strategy": "ddp", "num_processes": 2, "per_device_train_batch_size": 2}
SHARED: dict[str, Any] = {"bf16": False, "max_steps": 3, "save_steps": 1000, "train_sampling_strategy": "sequential"}
TRIED = [method for method in METHODS if method not in ("sft", "cpt", "dpo")]  # those: test_distributed
SAME = ("orpo", "cpo", "reward")  # their losses depend on no chance, and on no other row of the batch
KEPT: dict[str, Any] = {
    "eval_fraction": 0.25,
    "eval_steps": 1,
    "save_steps": 1,
    "save_total_limit": 1,
    "save_best_limit": 1,
    "max_steps": 30,
    "learning_rate": 0.1,  # so large that it soon gets worse
    "load_best_model_at_end": True,
    "early_stopping_patience": 2,
}


def method_spec(method: str, model: Path, folder: Path, **fields: Any) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    if method in GENERATING:
        # A group of four answers: one process writes it for rloo, both together for grpo.
        fields["per_device_train_batch_size"] = 2 if method == "grpo" else 4
    if method == "gkd":
        fields["max_completion_length"] = 12
    if method in ("sft", "gkd"):
        return spec(model, write_rows(folder, "chat", sums(24)), method=method, **fields)
    return recipe_spec(model, folder, method, **fields)


@pytest.fixture(scope="module")
def done(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("methods")
    fields = SHARED | TWO
    teacher = folder / "teacher"
    tiny.make(teacher, seed=1)
    trainings = {name: method_spec(name, tiny_model, folder / f"{name}-rows", **fields) for name in TRIED}
    trainings["gkd"] |= {"companion": {"path": str(teacher), "adapter": None}}
    trainings["kept"] = method_spec("sft", tiny_model, folder / "kept-rows", **(SHARED | TWO | KEPT))
    finish_warm(trainings["kept"] | {"trainings": trainings}, folder / "out", "tests.workers.train.several_methods")
    return folder / "out"


@pytest.mark.parametrize("method", TRIED)
def test_it_trains_and_leaves_a_checked_result(method: str, done: Path) -> None:
    recorded = events.read(done / method)[0]
    assert only(recorded, events.Finished).result["artifact"] == "adapter"
    assert sorted(steps(recorded)) == [1, 2, 3]
    assert only(recorded, events.Started).facts["processes"] == 2
    learnt = load_file(done / method / "adapter" / "adapter_model.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in learnt.values())
    assert any(tensor.any() for name, tensor in learnt.items() if "lora_B" in name)


@pytest.mark.parametrize("method", SAME)
def test_two_processes_learn_what_one_does(method: str, done: Path, tiny_model: Path, tmp_path: Path) -> None:
    fields = SHARED | {"per_device_train_batch_size": 4}
    training.train(method_spec(method, tiny_model, tmp_path / "rows", **fields), tmp_path, fit_steps.FAMILIES[method])
    alone, together = (
        [point["loss"] for point in steps(events.read(folder)[0]).values()] for folder in (tmp_path, done / method)
    )
    assert together == pytest.approx(alone, rel=1e-3)


def test_both_stop_early_and_the_best_is_what_is_left(done: Path) -> None:
    recorded = events.read(done / "kept")[0]
    points = steps(recorded)
    eval_losses = {step: point["eval_loss"] for step, point in points.items() if "eval_loss" in point}
    best = min(eval_losses, key=lambda step: eval_losses[step])
    result = only(recorded, events.Finished).result
    assert result["steps"] == best + KEPT["early_stopping_patience"] < KEPT["max_steps"]
    assert result["best_step"] == best
    checkpoint_names = {path.name for path in (done / "kept" / "checkpoints").iterdir()}
    assert checkpoint_names == {f"checkpoint-{best}", f"checkpoint-{result['steps']}"}
