"""Loads the base model for a training: precision and quantisation, as the recipe and the device allow."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from engine.recipes.choices.tunings import TUNINGS, leaves_model
from engine.recipes.recipe import Recipe
from engine.workers import networks
from engine.workers.contract import WorkFailedError
from engine.workers.tokens import turn_end
from engine.workers.tuning import adapters


@dataclass(frozen=True)
class Base:
    """A base model and its tokenizer, ready to be trained."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    bf16: bool  # compute in bfloat16
    stored_dtype: torch.dtype  # precision of the model's files
    context_length: int  # tokens; 0 when the model does not say
    new_tokens: tuple[int, ...] = ()  # whose embeddings were added here, and are trained beside an adapter

    def longest(self, recipe: Recipe) -> int:
        """The longest row in tokens: the recipe's, or the model's context where that is shorter."""
        return min(recipe.max_length, self.context_length or recipe.max_length)


def computes_in_bf16(recipe: Recipe, device: str) -> bool:
    """The recipe's word, or else whether the device does bfloat16 in hardware (emulation is slower than float32)."""
    if recipe.bf16 is not None:
        return recipe.bf16
    if device == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return torch.cuda.is_bf16_supported(including_emulation=False)


def load_tokenizer(model_path: Path, **options: Any) -> PreTrainedTokenizerBase:
    """`options` are transformers' own, such as `gguf_file`.

    Raises WorkFailedError when there is none, or it has no token to end or pad a row with.
    """
    safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(model_path, **safe, **options)
    except (OSError, ValueError) as error:
        raise _unreadable("tokenizer", error) from error
    if tokenizer.pad_token is None and tokenizer.eos_token is None:
        raise WorkFailedError("config", "The model's tokenizer has neither an end-of-sequence nor a padding token.")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return tokenizer


def load(
    recipe: Recipe,
    model_path: Path,
    device: str,
    tokenizer: PreTrainedTokenizerBase,
    model_class: Any = AutoModelForCausalLM,
) -> Base:
    """The model in the precision it is trained in, on the CPU unless it is quantised (that is made where it stays).

    An adapter freezes the base, which may then be bfloat16; weights that are trained as they are keep float32, because
    steps are smaller than what bfloat16 can tell apart. Raises WorkFailedError when the files cannot be loaded.
    """
    bf16 = computes_in_bf16(recipe, device)
    trains_base_weights = leaves_model(recipe.tuning) or bool(recipe.modules_to_save)
    options: dict[str, Any] = {"dtype": torch.bfloat16 if bf16 and not trains_base_weights else torch.float32}
    if TUNINGS[recipe.tuning].quantises:
        options["quantization_config"] = _quantization_config(recipe, options["dtype"])
        options["device_map"] = {"": device}
    try:
        config = AutoConfig.from_pretrained(model_path, local_files_only=True, trust_remote_code=False)
        model = networks.load(model_class, model_path, **options)
    except (OSError, ValueError, json.JSONDecodeError) as error:
        raise _unreadable("model", error) from error
    _keep_differentiable(model)
    turn_end.settle(model, tokenizer)
    if recipe.tuning == "freeze":
        adapters.free_last_layers(recipe, model)
    context_length = getattr(config.get_text_config(), "max_position_embeddings", None)
    return Base(model, tokenizer, bf16, config.dtype or torch.float32, context_length or 0)


def _unreadable(part: str, error: Exception) -> WorkFailedError:
    return WorkFailedError(
        "data", f"The {part} cannot be loaded: {error}"[:1000], "Fetch or add the model again on the Models page."
    )


def _keep_differentiable(model: PreTrainedModel) -> None:
    """Keeps 4-bit layers as they are made. On CPUs with AVX512-BF16, bitsandbytes 0.50 repacks each at its first use in
    evaluation, for a kernel that has no gradient: from then on nothing in front of it would be trained.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def _quantization_config(recipe: Recipe, compute_dtype: torch.dtype) -> BitsAndBytesConfig:
    """8 bits (arXiv:2208.07339), or 4 with double quantisation, as in the QLoRA paper (arXiv:2305.14314)."""
    if recipe.quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=recipe.quantization,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute_dtype,
    )
