"""Opens a model's weights, and sees to it that its sizes fit: embeddings, head, rows that an adapter goes by."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import AutoConfig

from engine.workers.contract import WorkFailedError

ADAPTER, ADAPTER_CONFIG = "adapter_model.safetensors", "adapter_config.json"


def load(model_class: Any, path: Path, num_labels: int | None = None, **options: Any) -> Any:
    """The model in a folder: of `model_class` (AutoModelForCausalLM ...), safetensors only, none of its own code run.

    `num_labels` are the numbers that a new head answers with. Raises WorkFailedError when its files lack the embeddings
    or the head, which transformers would make up; OSError and ValueError as transformers does.
    """
    safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    config = AutoConfig.from_pretrained(path, **safe)
    _forget_impossible_pad(config)
    if num_labels is not None:
        config.num_labels = num_labels
    options |= {"config": config, "use_safetensors": True, "output_loading_info": True}
    model, info = model_class.from_pretrained(path, **safe, **options)
    names = {f"{name}.weight" for name, module in model.named_modules() if module in embeddings(model)}
    if missing := sorted(names & set(info["missing_keys"])):
        message = f"The model's files have no {missing[0]}, and without it nothing it says makes sense."
        hint = "Copy the whole model again, or set tie_word_embeddings to true if its head is its embeddings."
        raise WorkFailedError("data", message, hint)
    return model


def _forget_impossible_pad(config: Any) -> None:
    """A padding token without a row in the embeddings cannot be loaded; which token pads is decided elsewhere."""
    for part in (config, config.get_text_config()):
        size, pad = getattr(part, "vocab_size", None), getattr(part, "pad_token_id", None)
        if isinstance(size, int) and isinstance(pad, int) and pad >= size:
            part.pad_token_id = None


def embeddings(model: Any) -> list[Any]:
    """The modules that hold a row for each token: the input embeddings, and the head where there is one."""
    return [layer for layer in (model.get_input_embeddings(), model.get_output_embeddings()) if layer is not None]


def rows(model: Any) -> int:
    """How many tokens a model has an input embedding for."""
    return int(model.get_input_embeddings().weight.shape[0])


@torch.no_grad()
def enlarge(model: Any, size: int) -> None:
    """Gives input and output embeddings `size` rows, never fewer than they have. New ones are the mean of the others.

    That changes the other tokens' probabilities least (Hewitt, "Initializing new word embeddings for pretrained
    language models", 2021), and every process makes the same.
    """
    before = rows(model)
    if size <= before:
        return
    model.resize_token_embeddings(size, mean_resizing=False)
    for layer in embeddings(model):
        for weight in (layer.weight, getattr(layer, "bias", None)):
            if weight is not None:
                weight[before:] = weight[:before].float().mean(0).to(weight.dtype)


def adapter_rows(model: Any, adapter: Path) -> int:
    """How many rows of `model`'s embeddings the adapter in a folder goes by; 0 where it holds none of them."""
    largest, file = 0, adapter / ADAPTER
    if not file.exists():
        return 0
    names = [name for name, module in model.named_modules() if module in embeddings(model)]
    with safe_open(file, framework="pt") as tensors:
        for key in tensors.keys():  # noqa: SIM118 (not a dict)
            is_whole = "lora_" not in key and "trainable_tokens_delta" not in key
            if is_whole and any(f".{name}." in key for name in names):
                largest = max(largest, tensors.get_slice(key).get_shape()[0])
    return max(largest, _highest_trained(adapter) + 1)


def _highest_trained(adapter: Path) -> int:
    """The highest token whose embedding a LoRA adapter replaces (PEFT's trainable_token_indices); -1 for none."""
    config = json.loads((adapter / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    trained = config.get("trainable_token_indices") or []
    numbers = [number for tokens in trained.values() for number in tokens] if isinstance(trained, dict) else trained
    return max(numbers, default=-1)
