"""Trainings on a real GPU through queue, shim and worker: `pytest -m gpu -s -n 0 tests/gpu` prints what was seen."""

import sys
from pathlib import Path
from typing import Any

import pytest

from engine.runs import output
from storage.statuses import RunStatus, WorkStatus
from tests.gpu import engine_here

pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(400)]

RECIPES: dict[str, dict[str, Any]] = {
    "lora": {},
    "dora": {"use_dora": True},
    "qlora nf4": {"tuning": "qlora"},
    "qlora fp4": {"tuning": "qlora", "quantization": "fp4"},
    "qlora int8": {"tuning": "qlora", "quantization": "int8"},
    "qlora paged": {"tuning": "qlora", "optim": "paged_adamw_8bit"},
    "full": {"tuning": "full", "learning_rate": 2e-5},
    "freeze": {"tuning": "freeze", "learning_rate": 4e-5},
    "recomputed": {"gradient_checkpointing": True},
    "packed": {"packing": True, "train_sampling_strategy": "random"},
    "liger": {"use_liger_kernel": True},
    "pissa": {"init_lora_weights": "pissa_niter_16"},
    "loftq": {"tuning": "qlora", "init_lora_weights": "loftq"},
    "ademamix 8 bit": {"optim": "ademamix_8bit"},
    "galore 8 bit": {"tuning": "full", "optim": "galore_adamw_8bit", "learning_rate": 2e-5},
    "dpo": {"method": "dpo", "learning_rate": 2e-5},
    "orpo": {"method": "orpo", "learning_rate": 2e-5},
    # Of the generated model's words the tokenizer knows one in a hundred, so its answers have no letters to judge.
    "grpo": {
        "model_id": "tiny",
        "method": "grpo",
        "learning_rate": 1e-3,
        "max_completion_length": 32,
        "reward_funcs": "length",
        "reward_length": 20,
    },
    "fsdp": {"strategy": "fsdp", "num_processes": 1},
    "zero 2": {"strategy": "deepspeed_zero2", "num_processes": 1},
    "zero 3": {"strategy": "deepspeed_zero3", "num_processes": 1},
    "zero 3 full": {"strategy": "deepspeed_zero3", "num_processes": 1, "tuning": "full", "learning_rate": 2e-5},
    "fsdp full": {"strategy": "fsdp", "num_processes": 1, "tuning": "full", "learning_rate": 2e-5},
}


@pytest.fixture(scope="session")
def big_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("big") / "model"
    engine_here.make_model(folder)
    return folder


@pytest.fixture(autouse=True)
def furnished(home: Path, big_model: Path, tiny_model: Path, tmp_path: Path) -> None:
    engine_here.furnish(big_model, tiny_model, tmp_path)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_trains_to_the_end(name: str) -> None:
    run = engine_here.train(engine_here.recipe(**RECIPES[name]))
    summary = engine_here.summary(run)
    say(f"\n== {name}: {summary}")
    assert run.status == RunStatus.SUCCEEDED, f"{summary}\n{output.text(run.id, -3000)[0]}"
    assert run.device == "gpu:0"


@pytest.mark.parametrize("name", ["lora", "qlora nf4", "full"])
def test_the_probe_foresees_what_a_training_takes(name: str) -> None:
    recipe = engine_here.recipe(**RECIPES[name], max_length=768)
    job = engine_here.probe(recipe)
    assert job.status == WorkStatus.SUCCEEDED, job.error
    run = engine_here.train(recipe)
    predicted_bytes = job.result["trials"][0]["peak_bytes"]
    assert run.facts.ending
    taken_bytes = run.facts.ending["result"]["peak_memory_bytes"]
    say(f"\n== {name}: probe {predicted_bytes / 1e9:.2f} GB, training {taken_bytes / 1e9:.2f} GB; {job.result}")
    assert 0.7 * taken_bytes <= predicted_bytes <= 1.5 * taken_bytes
