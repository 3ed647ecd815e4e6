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
KINDS = {
    "none": (DistributedType.NO,),
    "ddp": (DistributedType.MULTI_GPU, DistributedType.MULTI_CPU),
    "fsdp": (DistributedType.FSDP,),
    "deepspeed": (DistributedType.DEEPSPEED,),
}


@dataclass(frozen=True)
class Asked:
    """What the recipe and the plan want: how many processes in all, and what each of them holds."""

    recipe: Recipe
    world: int

    @property
    def spread(self) -> Spread:
        return Spread(self.recipe.strategy, self.world, 1)

    @property
    def words(self) -> str:
        offload = f" with offload to {self.recipe.offload}" if self.recipe.offload != "none" else ""
        return f"{self.recipe.strategy}{offload} in {self.world} process{'es' if self.world > 1 else ''}"


def arguments(recipe: Recipe, file: Path | None, model: PreTrainedModel) -> dict[str, Any]:
    """transformers' TrainingArguments for the strategy; `file` holds FSDP's or DeepSpeed's settings."""
    if recipe.strategy == "none":
        return {}
    if file is None:
        mixture = hasattr(model.config.get_text_config(), "output_router_logits")  # experts that no row of a batch met
        return {"ddp_find_unused_parameters": mixture}
    settings = json.loads(file.read_text(encoding="utf-8"))
    return {"fsdp": True, "fsdp_config": settings} if recipe.strategy == "fsdp" else {"deepspeed": settings}


def check(asked: Asked, accelerator: Accelerator) -> None:
    """Raises WorkFailedError when accelerate has set up something else than was asked for."""
    kind, there = accelerator.distributed_type, accelerator.num_processes
    if kind not in KINDS[asked.recipe.strategy.partition("_")[0]] or there != asked.world:
        raise _differs(asked, f"{kind.value} in {there} process{'es' if there > 1 else ''}")


def check_wrapped(asked: Asked, model: torch.nn.Module, on_gpu: bool) -> None:
    """The same for the model as it is trained: DDP, FSDP2 or a DeepSpeed engine with its stage and offload."""
    wrong = _wrapped_wrong(asked, model, on_gpu)
    if wrong:
        raise _differs(asked, wrong)


def _wrapped_wrong(asked: Asked, model: torch.nn.Module, on_gpu: bool) -> str | None:
    match asked.recipe.strategy:
        case "none":
            return None
        case "ddp":
            there = isinstance(model, DistributedDataParallel) or asked.world == 1  # accelerate wraps no single process
            return None if there else f"a bare {type(model).__name__}"
        case "fsdp":
            return _fsdp_wrong(asked, model, on_gpu)
        case _:
            return _deepspeed_wrong(asked, model)


def _fsdp_wrong(asked: Asked, model: torch.nn.Module, on_gpu: bool) -> str | None:
    if not isinstance(model, FSDPModule):
        return f"a {type(model).__name__} that FSDP2 has not divided"
    for name, tensor in model.named_parameters():
        if not isinstance(tensor, DTensor):
            return f"FSDP2, but {name} is not divided"
        if on_gpu and (offloads := tensor.to_local().device.type == "cpu") != (asked.recipe.offload == "cpu"):
            return f"FSDP2 {'with' if offloads else 'without'} offload"
    return None


def _deepspeed_wrong(asked: Asked, model: torch.nn.Module) -> str | None:
    from deepspeed import DeepSpeedEngine  # noqa: PLC0415  (an extra that only this strategy needs)

    if not isinstance(model, DeepSpeedEngine):
        return f"a {type(model).__name__} that is not a DeepSpeed engine"
    if (stage := model.zero_optimization_stage()) != asked.spread.zero_stage:
        return f"DeepSpeed ZeRO {stage}"
    offload = model.zero_offload_optimizer()
    offloads = offload is not None and offload.device == "cpu"
    if offloads != (asked.recipe.offload == "cpu"):
        return f"DeepSpeed ZeRO {stage} {'with' if offloads else 'without'} offload"
    return None


def _differs(asked: Asked, there: str) -> WorkFailedError:
    message = f"The recipe asks for {asked.words}; what was set up is {there}. Nothing was trained."
    return WorkFailedError("config", message, HINT)


class Truth(TrainerCallback):
    """Looks at the model once it is wrapped, before the first step. `trainer` is the one it is added to."""

    def __init__(self, asked: Asked, trainer: Any) -> None:
        self.asked, self.trainer = asked, trainer

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        check_wrapped(self.asked, self.trainer.model_wrapped, self.trainer.accelerator.device.type != "cpu")
