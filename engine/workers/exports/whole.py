"""A base and its adapter as one model in float32: opened, merged, saved with the tokenizer that the training left."""

import shutil
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, GenerationConfig

from engine.exports import contents
from engine.workers import networks
from engine.workers.contract import WorkFailedError
from engine.workers.exports import rounding

SHARD = "5GB"
OWN = ("config.json", contents.CARD, "adapter_config.json")  # files of the sources that are not the result's
GENERATION = "generation_config.json"


def opened(path: Path, dtype: torch.dtype, scores: bool = False) -> Any:
    """The model on the CPU. Raises WorkFailedError when its files cannot be loaded, or some weights are missing."""
    model_class: Any = AutoModelForSequenceClassification if scores else AutoModelForCausalLM
    options: dict[str, Any] = {"num_labels": 1} if scores else {}
    try:
        model, info = model_class.from_pretrained(
            path, dtype=dtype, local_files_only=True, trust_remote_code=False, use_safetensors=True,
            output_loading_info=True, **options,
        )  # fmt: skip
    except (OSError, ValueError, SafetensorError) as error:
        hint = "Fetch or add the model again on the Models page."
        raise WorkFailedError("data", f"The model cannot be loaded: {error}"[:1000], hint) from error
    missing = sorted(name for name in info["missing_keys"] if not (scores and name.startswith("score.")))
    if missing:
        raise WorkFailedError("data", f"The model's files lack {missing[0]}.", "Fetch or add the model again.")
    return model.eval()


def enlarged(base: Any, adapter: Path) -> Any:
    """The base with the rows of embeddings that the adapter goes by. Raises WorkFailedError."""
    try:
        networks.enlarge(base, networks.adapter_rows(base, adapter))
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise _unlike(error) from error
    return base


def tuned(base: Any, adapter: Path) -> Any:
    """The base with the adapter on it, as the training had it. Raises WorkFailedError when they do not fit."""
    try:
        return PeftModel.from_pretrained(base, adapter, is_trainable=False).eval()
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise _unlike(error) from error


def merged(model: Any, asked: rounding.Prompts) -> Any:
    """Base and adapter in one. Raises WorkFailedError when that cannot be, or the result answers otherwise."""
    expected = rounding.answers(model, asked)
    try:
        merged_model: Any = model.merge_and_unload(safe_merge=True)  # a head that was trained apart is untied here
    except (ValueError, RuntimeError, KeyError) as error:
        raise _unlike(error) from error
    rounding.refuse_unlike(rounding.answers(merged_model, asked), expected, "float32")
    return merged_model


def _unlike(error: Exception) -> WorkFailedError:
    message = f"The adapter and its base cannot become one model: {error}"[:1000]
    return WorkFailedError("data", message, "Take the adapter, and use it with the base.")


def tokenizer_folder(base: Path, adapter: Path | None) -> Path:
    """Where the tokenizer is: with the adapter, when the training left one there."""
    return adapter if adapter and (adapter / "tokenizer_config.json").exists() else base


def save(model: Any, folder: Path, base: Path, adapter: Path | None) -> None:
    """Weights and configuration as transformers saves them; tokenizer and generation_config as they lie there."""
    model.generation_config = GenerationConfig()  # the real one is copied: some that are in use do not pass its checks
    model.save_pretrained(folder, max_shard_size=SHARD)
    copy_tokenizer(tokenizer_folder(base, adapter), folder)
    (folder / GENERATION).unlink(missing_ok=True)
    for source in filter(None, (base, adapter)):  # what the training has left counts more than what the base came with
        if (source / GENERATION).is_file():
            shutil.copyfile(source / GENERATION, folder / GENERATION)


def copy_tokenizer(source: Path, folder: Path) -> None:
    """The files of a model's folder beside weights, configuration and card."""
    for path in contents.files(source):
        if path.suffix not in (".safetensors", ".gguf") and not path.name.endswith(".index.json"):
            target = folder / path.relative_to(source)
            if path.name not in OWN:
                target.parent.mkdir(exist_ok=True)
                shutil.copyfile(path, target)
