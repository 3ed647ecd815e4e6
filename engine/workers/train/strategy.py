"""Several processes: what the trainer is told, and whether that is in force once it is set up.

Settings for FSDP are left out without a word where accelerate does not know the device: on a CPU a training for eight
GPUs would run as eight copies. So nothing is believed: the objects themselves are looked at.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel
from transformers import PreTrainedModel, TrainerCallback

from engine.recipes.parallelism import Spread
from engine.recipes.recipe import Recipe
from engine.workers.contract import WorkFailedError

HINT = "fsdp does not work on a CPU: use ddp. On GPUs, check num_processes and how the training was started."
DISTRIBUTED_TYPES = {
    "none": (DistributedType.NO,),
    "ddp": (DistributedType.MULTI_GPU, DistributedType.MULTI_CPU),
    "fsdp": (DistributedType.FSDP,),
    "deepspeed": (DistributedType.DEEPSPEED,),
}


@dataclass(frozen=True)
class Strategy:
    """What the recipe and the plan want: how many processes in all, and what each of them holds."""

    recipe: Recipe
    world_size: int

    @property
    def spread(self) -> Spread:
        return Spread(self.recipe.strategy, self.world_size, 1)

    @property
    def description(self) -> str:
        offload = f" with offload to {self.recipe.offload}" if self.recipe.offload != "none" else ""
        return f"{self.recipe.strategy}{offload} in {self.world_size} process{'es' if self.world_size > 1 else ''}"


def arguments(recipe: Recipe, file: Path | None, model: PreTrainedModel) -> dict[str, Any]:
    """transformers' TrainingArguments for the strategy; `file` holds FSDP's or DeepSpeed's settings."""
    if recipe.strategy == "none":
        return {}
    if file is None:
        mixture = hasattr(model.config.get_text_config(), "output_router_logits")  # experts that no row of a batch met
        return {"ddp_find_unused_parameters": mixture}
    settings = json.loads(file.read_text(encoding="utf-8"))
    return {"fsdp": True, "fsdp_config": settings} if recipe.strategy == "fsdp" else {"deepspeed": settings}


def check(strategy: Strategy, accelerator: Accelerator) -> None:
    """Raises WorkFailedError when accelerate has set up something else than was asked for."""
    kind, processes = accelerator.distributed_type, accelerator.num_processes
    if kind not in DISTRIBUTED_TYPES[strategy.recipe.strategy.partition("_")[0]] or processes != strategy.world_size:
        raise _mismatch(strategy, f"{kind.value} in {processes} process{'es' if processes > 1 else ''}")


def check_wrapped(strategy: Strategy, model: torch.nn.Module, on_gpu: bool) -> None:
    """The same for the model as it is trained: DDP, FSDP2 or a DeepSpeed engine with its stage and offload."""
    difference = _wrapping_difference(strategy, model, on_gpu)
    if difference:
        raise _mismatch(strategy, difference)


def _wrapping_difference(strategy: Strategy, model: torch.nn.Module, on_gpu: bool) -> str | None:
    match strategy.recipe.strategy:
        case "none":
            return None
        case "ddp":
            # accelerate wraps no single process
            is_wrapped = isinstance(model, DistributedDataParallel) or strategy.world_size == 1
            return None if is_wrapped else f"a bare {type(model).__name__}"
        case "fsdp":
            return _fsdp_difference(strategy, model, on_gpu)
        case _:
            return _deepspeed_difference(strategy, model)


def _fsdp_difference(strategy: Strategy, model: torch.nn.Module, on_gpu: bool) -> str | None:
    if not isinstance(model, FSDPModule):
        return f"a {type(model).__name__} that FSDP2 has not divided"
    for name, tensor in model.named_parameters():
        if not isinstance(tensor, DTensor):
            return f"FSDP2, but {name} is not divided"
        if on_gpu and (offloads := tensor.to_local().device.type == "cpu") != (strategy.recipe.offload == "cpu"):
            return f"FSDP2 {'with' if offloads else 'without'} offload"
    return None


def _deepspeed_difference(strategy: Strategy, model: torch.nn.Module) -> str | None:
    from deepspeed import DeepSpeedEngine  # noqa: PLC0415  (an extra that only this strategy needs)

    if not isinstance(model, DeepSpeedEngine):
        return f"a {type(model).__name__} that is not a DeepSpeed engine"
    if (stage := model.zero_optimization_stage()) != strategy.spread.zero_stage:
        return f"DeepSpeed ZeRO {stage}"
    offload = model.zero_offload_optimizer()
    offloads = offload is not None and offload.device == "cpu"
    if offloads != (strategy.recipe.offload == "cpu"):
        return f"DeepSpeed ZeRO {stage} {'with' if offloads else 'without'} offload"
    return None


def _mismatch(strategy: Strategy, actual: str) -> WorkFailedError:
    message = f"The recipe asks for {strategy.description}; what was set up is {actual}. Nothing was trained."
    return WorkFailedError("config", message, HINT)


class StrategyCheck(TrainerCallback):
    """Looks at the model once it is wrapped, before the first step. `trainer` is the one it is added to."""

    def __init__(self, strategy: Strategy, trainer: Any) -> None:
        self.strategy, self.trainer = strategy, trainer

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        check_wrapped(self.strategy, self.trainer.model_wrapped, self.trainer.accelerator.device.type != "cpu")
