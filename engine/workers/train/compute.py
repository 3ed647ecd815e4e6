"""How a model computes: attention, recomputed activations, Liger's layers, torch.compile; what was asked, what is so.

An empty field of the recipe is decided here, by the device and what is installed. What was asked for and cannot be had
ends the training before it begins.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import torch
from transformers import PreTrainedModel, TrainingArguments
from transformers.utils import is_flash_attn_2_available, is_flash_attn_3_available, is_liger_kernel_available

from engine.recipes.parallelism import Spread
from engine.recipes.recipe import Recipe
from engine.workers import group
from engine.workers.contract import WorkFailedError

FLASH = {  # the better one first: whether it is installed, and the compute capability it begins with
    "flash_attention_3": (is_flash_attn_3_available, (9, 0)),  # Hopper
    "flash_attention_2": (is_flash_attn_2_available, (8, 0)),  # Ampere
}
LAYERS_ALONE = {"fused_linear_cross_entropy": False}  # the loss is ours or TRL's, and both need the model's own forward


def choose_attention(model: PreTrainedModel, recipe: Recipe, device: str, bf16: bool) -> None:
    """Gives the model the attention that `attention` names. Raises WorkFailedError as that does."""
    implementation = attention(recipe, type(model), device, bf16)
    if implementation is None:
        return
    model.set_attn_implementation(implementation)
    if recipe.attn_implementation not in (None, model.config._attn_implementation):
        raise _refused(implementation, f"{type(model).__name__} keeps its own way of computing attention.")


def attention(recipe: Recipe, architecture: type[PreTrainedModel], device: str, bf16: bool) -> str | None:
    """What a model is told; None leaves it as it was loaded: sdpa, or eager where transformers has no other.

    Raises WorkFailedError when the recipe asks for what is not installed, not for this device or not for this model.
    """
    implementation = recipe.attn_implementation
    if implementation is None:
        return next((name for name in FLASH if not _no_flash(name, architecture, device, bf16)), None)
    reason = None
    if implementation in FLASH:
        reason = _no_flash(implementation, architecture, device, bf16)
    elif implementation == "sdpa" and not architecture._supports_sdpa:
        reason = f"{architecture.__name__} cannot compute attention that way."
    if reason:
        raise _refused(implementation, reason)
    return implementation


def _refused(implementation: str, reason: str) -> WorkFailedError:
    hint = "Leave attn_implementation empty to let the device and the model decide."
    return WorkFailedError("config", f"attn_implementation is {implementation}. {reason}", hint)


def _no_flash(name: str, architecture: type[PreTrainedModel], device: str, bf16: bool) -> str | None:
    """Why that flash attention cannot be used; None when it can."""
    installed, capability = FLASH[name]
    if device == "cpu":
        return "It needs a GPU."
    if not installed():
        return "It is not installed."
    if torch.cuda.get_device_capability() < capability:
        return "This GPU is too old for it."
    if not architecture._supports_flash_attn:
        return f"{architecture.__name__} does not support it."
    return None if bf16 else "It computes in bfloat16 alone, which is off."


def liger(recipe: Recipe, model: PreTrainedModel, device: str) -> bool:
    """Whether Liger's layers are used. Raises WorkFailedError when they are asked for and cannot be had."""
    if recipe.use_liger_kernel is False:
        return False
    reason = _no_liger(model, device)
    if recipe.use_liger_kernel is None and (recipe.torch_compile or Spread(recipe.strategy, 1, 1).divides_weights):
        return False  # torch cannot trace them; and a divided result is checked on the CPU, where they do not compute
    if reason and recipe.use_liger_kernel:
        raise WorkFailedError("config", f"use_liger_kernel is on. {reason}", "Leave use_liger_kernel empty, or off.")
    return reason is None


def _no_liger(model: PreTrainedModel, device: str) -> str | None:
    if device == "cpu":
        return "Liger's kernels need a GPU."
    if not is_liger_kernel_available():
        return "liger-kernel is not installed."
    supported: Mapping[str, Any] = import_module("liger_kernel.transformers.monkey_patch").MODEL_TYPE_TO_APPLY_LIGER_FN
    model_type = model.config.model_type
    return None if model_type in supported else f"Liger does not support models of the kind {model_type}."


def recomputes(recipe: Recipe, memory: Mapping[str, int], longest_row: int) -> bool:
    """Whether activations are computed again for the gradient: as the recipe says, or when memory needs it.

    `memory` is `engine.fit.memory_by_length.of`; `longest_row` is in tokens.
    """
    if recipe.gradient_checkpointing is not None or not memory:
        return bool(recipe.gradient_checkpointing)
    return memory["fixed"] + memory["a_token"] * longest_row > memory["available"]


def uses_own_layers(recipe: Recipe) -> bool:
    """Whether layers are computed by functions of our own: torch cannot trace those, nor divide their weights."""
    return not recipe.torch_compile and (group.alone() or recipe.strategy == "ddp")


def compile_decoder(model: PreTrainedModel, backend: str | Callable[..., Any] = "inductor") -> None:
    """Compiles the decoder where it stands, for any length of rows: the fast losses call it, not the whole model."""
    model.base_model.compile(dynamic=True, backend=backend)


def in_force(model: PreTrainedModel, arguments: TrainingArguments) -> dict[str, Any]:
    """What became of it: facts of the run."""
    return {
        "attention": model.config.get_text_config()._attn_implementation,
        "gradient_checkpointing": bool(arguments.gradient_checkpointing),
        "liger_kernel": bool(arguments.use_liger_kernel),
        "torch_compile": model.base_model._compiled_call_impl is not None,
    }
