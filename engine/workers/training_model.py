"""Loads the base model for a training: precision, 4-bit, LoRA, as the recipe and the device allow."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.pytorch_utils import Conv1D  # GPT-2's linear layers

from engine.recipe import Recipe
from engine.workers.contract import WorkFailedError


@dataclass(frozen=True)
class Base:
    """A base model and its tokenizer, ready to be trained."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    bf16: bool  # compute in bfloat16
    stored: torch.dtype  # precision of the model's files
    context: int  # tokens; 0 when the model does not say

    def longest(self, recipe: Recipe) -> int:
        """The longest row in tokens: the recipe's, or the model's context where that is shorter."""
        return min(recipe.max_length, self.context or recipe.max_length)


def computes_in_bf16(recipe: Recipe, device: str) -> bool:
    """The recipe's word, or else whether the device does bfloat16 in hardware (emulation is slower than float32)."""
    if recipe.bf16 is not None:
        return recipe.bf16
    if device == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return torch.cuda.is_bf16_supported(including_emulation=False)


def load_tokenizer(model_path: Path) -> PreTrainedTokenizerBase:
    """Raises WorkFailedError when there is none, or it has no token to end or pad a row with."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(model_path, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise _unreadable("tokenizer", error) from error
    if tokenizer.pad_token is None and tokenizer.eos_token is None:
        raise WorkFailedError("config", "The model's tokenizer has neither an end-of-sequence nor a padding token.")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return tokenizer


def load(
    recipe: Recipe, model_path: Path, device: str, tokenizer: PreTrainedTokenizerBase, kind: Any = AutoModelForCausalLM
) -> Base:
    """The model in the precision it is trained in, on the CPU unless it is 4-bit (that is made where it stays).

    LoRA freezes the base, which may then be bfloat16; full tuning keeps float32 weights, because steps are smaller
    than what bfloat16 can tell apart. Raises WorkFailedError when the files cannot be loaded.
    """
    bf16 = computes_in_bf16(recipe, device)
    options: dict[str, Any] = {"dtype": torch.bfloat16 if bf16 and recipe.tuning != "full" else torch.float32}
    if recipe.tuning == "qlora":
        options["quantization_config"] = _four_bit(options["dtype"])
        options["device_map"] = {"": device}
    try:
        config = AutoConfig.from_pretrained(model_path, local_files_only=True, trust_remote_code=False)
        model = kind.from_pretrained(
            model_path, local_files_only=True, trust_remote_code=False, use_safetensors=True, **options
        )
    except (OSError, ValueError, json.JSONDecodeError) as error:
        raise _unreadable("model", error) from error
    context = getattr(config.get_text_config(), "max_position_embeddings", None)
    return Base(model, tokenizer, bf16, config.dtype or torch.float32, context or 0)


def _unreadable(what: str, error: Exception) -> WorkFailedError:
    return WorkFailedError(
        "data", f"The {what} cannot be loaded: {error}"[:1000], "Fetch or add the model again on the Models page."
    )


def _four_bit(compute: torch.dtype) -> BitsAndBytesConfig:
    """NF4 with double quantisation, as in the QLoRA paper (arXiv 2305.14314)."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
    )


def lora(recipe: Recipe, model: PreTrainedModel) -> LoraConfig | None:
    """PEFT's configuration, or None for full tuning and for a model that has an adapter already.

    Raises WorkFailedError when no module has such a name.
    """
    if recipe.tuning == "full" or isinstance(model, PeftModel):
        return None
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=recipe.lora_r,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=recipe.lora_dropout,
        target_modules=_targets(recipe.target_modules, model),
    )


def _targets(wanted: str, model: PreTrainedModel) -> str | list[str]:
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    if names == ["all-linear"]:
        return "all-linear"
    linear = {name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear | Conv1D)}
    head = model.get_output_embeddings()
    linear -= {name for name, module in model.named_modules() if module is head}  # TRL trains no adapter there
    for name in names:
        if not any(one == name or one.endswith(f".{name}") for one in linear):
            known = ", ".join(sorted({one.rpartition(".")[2] for one in linear}))
            raise WorkFailedError(
                "config", f"The model has no linear layer `{name}` to adapt.", f"Choose from: all-linear, {known}."
            )
    return names
