"""What was asked for is in force, or the training ends and says what is there instead."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.parallel import DistributedDataParallel

from engine.recipes import launch_command
from engine.recipes.recipe import Recipe
from engine.workers import contract
from engine.workers.train import strategy, training
from tests.workers.train.training_runs import spec, sums, write_rows

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


def strategy_of(world_size: int = 1, **fields: Any) -> strategy.Strategy:
    return strategy.Strategy(Recipe(model_id="m", dataset_id="d", **fields), world_size)


def refused(model: Path, folder: Path, world_size: int = 1, **fields: Any) -> contract.WorkFailedError:
    values = spec(model, write_rows(folder, "chat", sums(8)), **fields)
    out = folder / "out"
    out.mkdir(exist_ok=True)
    recipe = Recipe.model_validate(values["recipe"])
    plan = launch_command.plan_training(recipe, values, out, "cpu", 1)
    for path, text in plan.files.items():
        path.write_text(text)
    file = next((str(path) for path in plan.files if path.name != "spec.json"), None)
    with pytest.raises(contract.WorkFailedError) as caught:
        training.train(values | {"world_size": world_size, "strategy_file": file}, out)
    assert not (out / "adapter").exists()
    return caught.value


def test_one_process_where_two_were_asked_for_ends_the_training(tiny_model: Path, tmp_path: Path) -> None:
    error = refused(tiny_model, tmp_path, world_size=2, strategy="ddp", num_processes=2)
    assert "asks for ddp in 2 processes; what was set up is NO in 1 process" in error.message


@pytest.mark.usefixtures("launched_alone")
def test_what_a_cpu_leaves_out_without_a_word_ends_the_training(tiny_model: Path, tmp_path: Path) -> None:
    error = refused(tiny_model, tmp_path, strategy="fsdp")
    assert error.category == "config"
    assert error.message == (
        "The recipe asks for fsdp in 1 process; what was set up is MULTI_CPU in 1 process. Nothing was trained."
    )
    assert "ddp" in error.hint


def test_a_model_that_is_not_wrapped_as_asked_is_named() -> None:
    bare = torch.nn.Linear(2, 2)
    for name, actual in (
        ("ddp", "a bare Linear"),
        ("fsdp", "a Linear that FSDP2 has not divided"),
        ("deepspeed_zero3", "a Linear that is not a DeepSpeed engine"),
    ):
        with pytest.raises(contract.WorkFailedError, match=actual):
            strategy.check_wrapped(strategy_of(2, strategy=name), bare, on_gpu=True)
    strategy.check_wrapped(strategy_of(), bare, on_gpu=False)


@pytest.mark.usefixtures("launched_alone")
def test_wrapped_models_are_known_by_their_objects() -> None:
    bare = torch.nn.Linear(2, 2)
    strategy.check_wrapped(strategy_of(2, strategy="ddp"), DistributedDataParallel(bare), on_gpu=False)
    divided: Any = torch.nn.Linear(2, 2)
    torch.distributed.fsdp.fully_shard(divided)
    strategy.check_wrapped(strategy_of(2, strategy="fsdp"), divided, on_gpu=False)
    with pytest.raises(contract.WorkFailedError, match="FSDP2 with offload"):
        strategy.check_wrapped(strategy_of(2, strategy="fsdp"), divided, on_gpu=True)
    with pytest.raises(contract.WorkFailedError, match="a bare FSDPLinear"):
        strategy.check_wrapped(strategy_of(2, strategy="ddp"), divided, on_gpu=False)
