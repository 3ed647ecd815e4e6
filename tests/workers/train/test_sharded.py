"""FSDP2 and DeepSpeed: their state is saved, resumed exactly, and gathered into a plain result. On a CPU, over gloo."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from engine.process import events
from engine.recipes import launch_command
from engine.recipes.recipe import Recipe
from engine.weights import checkpoints
from engine.workers.train import training
from tests.conftest import needs
from tests.workers.train.believing import believe
from tests.workers.train.several import finish_warm
from tests.workers.train.training_runs import only, spec, steps, sums, write_rows

pytestmark = pytest.mark.filterwarnings("ignore")

FIELDS: dict[str, Any] = {"max_steps": 6, "save_steps": 2, "save_total_limit": 9, "bf16": False}
needs_compiler = needs(shutil.which("g++"), "g++, with which DeepSpeed on a CPU compiles how it communicates,")
DIVIDED = [
    ("fsdp", "lora"),
    ("fsdp", "full"),
    pytest.param("deepspeed_zero1", "lora", marks=needs_compiler),
    pytest.param("deepspeed_zero2", "lora", marks=needs_compiler),
    pytest.param("deepspeed_zero3", "lora", marks=needs_compiler),
    pytest.param("deepspeed_zero3", "full", marks=needs_compiler),
]


def train(values: dict[str, Any], out: Path) -> list[events.Event]:
    """The worker's own function in this process, with the plan's files."""
    out.mkdir(exist_ok=True)
    recipe = Recipe.model_validate(values["recipe"])
    plan = launch_command.plan_training(recipe, values, out, "cpu", 1)
    for path, text in plan.files.items():
        path.write_text(text)
    file = next((str(path) for path in plan.files if path.name != "spec.json"), None)
    events.append(out, events.Finished(result=training.train(values | {"strategy_file": file}, out)))
    return events.read(out)[0]


def saved(out: Path, name: str) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = load_file(next((out / name).glob("*.safetensors")))
    return tensors


@pytest.fixture(scope="module")
def plain(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What one ordinary process makes of the same rows, by tuning. Before there is a group."""
    folder = tmp_path_factory.mktemp("plain")
    for tuning in RATES:
        train(recipe(tiny_model, folder, tuning), folder / tuning)
    return {tuning: folder / tuning for tuning in RATES}


RATES = {"lora": 5e-3, "full": 1e-3}


def recipe(model: Path, folder: Path, tuning: str = "lora", **fields: Any) -> dict[str, Any]:
    rows = write_rows(folder, "chat", sums(24))
    return spec(model, rows, **(FIELDS | {"tuning": tuning, "learning_rate": RATES[tuning]} | fields))


def assert_alike(first: list[events.Event], second: list[events.Event]) -> None:
    for name in ("loss", "grad_norm"):
        curves = [[point[name] for point in steps(recorded).values() if name in point] for recorded in (first, second)]
        assert curves[0] == pytest.approx(curves[1], rel=1e-3)


@pytest.mark.parametrize(("strategy", "tuning"), DIVIDED)
def test_a_divided_model_learns_resumes_and_is_saved_as_a_plain_one(
    plain: dict[str, Path],
    launched_alone: None,
    strategy: str,
    tuning: str,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if strategy == "fsdp":
        believe(monkeypatch.setattr)
    out = tmp_path / "out"
    values = recipe(tiny_model, tmp_path, tuning, strategy=strategy, num_processes=1)
    recorded = train(values, out)
    assert_alike(recorded, events.read(plain[tuning])[0])
    name = only(recorded, events.Finished).result["artifact"]
    assert name == ("adapter" if tuning == "lora" else "model")
    tensors, plain_tensors = saved(out, name), saved(plain[tuning], name)
    assert tensors.keys() == plain_tensors.keys()
    assert all(torch.allclose(tensors[key], plain_tensors[key], rtol=1e-2, atol=1e-3) for key in tensors)
    assert not (out / "gathered").exists()
    middle = out / "checkpoints" / "checkpoint-4"
    assert checkpoints.matches_manifest(middle)
    again = train(values | {"resume_from": str(middle), "attempt": 2}, out)
    assert only(again, events.Started).facts["resumed_from_step"] == 4
    assert all(torch.equal(saved(out, name)[key], tensors[key]) for key in tensors)


@pytest.mark.usefixtures("untraced")
@pytest.mark.slow  # four trainings in two processes
@pytest.mark.parametrize(
    ("strategy", "program"),
    [("fsdp", "tests.workers.train.believing"), pytest.param("deepspeed_zero3", None, marks=needs_compiler)],
)
def test_two_processes_share_one_model(
    strategy: str, program: str | None, plain: dict[str, Path], tiny_model: Path, tmp_path: Path
) -> None:
    fields: dict[str, Any] = {"strategy": strategy, "num_processes": 2, "per_device_train_batch_size": 2}
    values = recipe(tiny_model, tmp_path, **fields)
    out = tmp_path / "two"
    assert_alike(finish_warm(values, out, program=program), events.read(plain["lora"])[0])
    before = saved(out, "adapter")
    values |= {"resume_from": str(out / "checkpoints" / "checkpoint-4"), "attempt": 2}
    finish_warm(values, out, program=program)
    assert all(torch.equal(saved(out, "adapter")[key], before[key]) for key in before)
