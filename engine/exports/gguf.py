"""A model or an adapter as GGUF, for llama.cpp, Ollama and LM Studio: whether that can be, how large it becomes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.errors import RefusedError
from engine.exports import facts, merging
from engine.runtimes import room, runtimes
from engine.runtimes.kinds import Build
from engine.runtimes.room import Room
from engine.subjects.subject import Subject
from engine.weights import files, inspection
from engine.weights.files import Tensor
from storage import home

KIND, FOLDER, RUNTIME = "export_gguf", "gguf", "llama"
Type = Literal["f32", "f16", "bf16", "q8_0", "Q6_K", "Q5_K_M", "Q5_K_S", "Q4_K_M", "Q4_K_S", "Q3_K_M"]
Of = Literal["model", "adapter"]
TYPES: tuple[Type, ...] = get_args(Type)
BY_CONVERTER = ("f32", "f16", "bf16", "q8_0")
WORDS: dict[Type, str] = {
    "f32": "exact, the largest",
    "f16": "half of f32",
    "bf16": "as most models are stored",
    "q8_0": "8 bits, hardly to be told from the original",
    "Q6_K": "6 bits",
    "Q5_K_M": "5 bits",
    "Q5_K_S": "5 bits, a little smaller",
    "Q4_K_M": "4 bits, what most people run",
    "Q4_K_S": "4 bits, a little smaller",
    "Q3_K_M": "3 bits, for little memory",
}
# Bits of a weight, llama.cpp's scales included: of most matrices, of the embeddings and the head, and of matrices whose
# rows a block of 256 does not divide (llama.cpp's src/llama-quant.cpp: tensor_type_fallback).
BITS = {
    "f32": (32.0, 32.0, 32.0), "f16": (16.0, 16.0, 16.0), "bf16": (16.0, 16.0, 16.0), "q8_0": (8.5, 8.5, 8.5),
    "Q6_K": (6.5625, 6.5625, 8.5), "Q5_K_M": (5.8, 6.5625, 6.2), "Q5_K_S": (5.5, 6.5625, 6.0),
    "Q4_K_M": (5.0, 6.5625, 5.9), "Q4_K_S": (4.6, 6.5625, 5.6), "Q3_K_M": (3.9, 6.5625, 4.8),
}  # fmt: skip
BLOCK = 256
VOCABULARY_BYTES = 5_000_000  # tokens and merges, in the file
BASE_TYPES = {"F32": "f32", "BF16": "bf16", "F16": "f16"}
LARGEST_PEFT = ("use_dora", "modules_to_save", "trainable_token_indices", "lora_bias")


class GgufOptions(BaseModel):
    """How large a weight is, and whether the whole model or its adapter alone is wanted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Type = Field(default="q8_0", description="How a weight is stored.")
    of: Of = Field(default="model", description="model: base and adapter in one. adapter: what was trained alone.")

    @model_validator(mode="before")
    @classmethod
    def _spelt(cls, values: Any) -> Any:
        """Types are known in small and capital letters; an adapter alone is f16 unless it is said."""
        if not isinstance(values, dict):
            return values
        asked = values.get("type", "f16" if values.get("of") == "adapter" else "q8_0")
        known = {name.lower(): name for name in TYPES}
        return values | {"type": known.get(asked.lower(), asked) if isinstance(asked, str) else asked}


def refuse(subject: Subject, options: GgufOptions | None = None) -> None:
    """Raises RefusedError, with the way that works, for what has no form in GGUF."""
    merging.refuse(subject)
    name = subject.run.name
    if subject.run.recipe.get("method") == "reward":
        message = f"The run `{name}` trained a reward model, which writes no text."
        raise RefusedError(message, "Take it as adapter or merged.")
    if options is None or options.of == "model":
        return
    if subject.weights == "model":
        message = f"The run `{name}` trained the weights themselves, so it has no adapter."
        raise RefusedError(message, "Take the whole model as GGUF.")
    if options.type not in BY_CONVERTER:
        message = f"An adapter is not stored as {options.type}."
        raise RefusedError(message, f"Choose one of: {', '.join(BY_CONVERTER)}.")
    config = facts.adapter_config(subject)
    refused = next((field for field in LARGEST_PEFT if config.get(field)), None)
    if config.get("peft_type", "LORA") != "LORA" or refused:
        message = f"llama.cpp knows plain LoRA adapters alone, and this one has {refused or config['peft_type']}."
        raise RefusedError(message, "Take the whole model as GGUF: it holds all that was learnt.")


def size_bytes(subject: Subject, options: GgufOptions) -> int:
    """How large the file becomes, from the shapes of the weights."""
    if options.of == "adapter":
        weights = files.tensors(subject.folder, ["adapter_model.safetensors"])
        return round(sum(tensor.parameters for tensor in weights) * BITS[options.type][0] / 8) + 50_000
    return sizes(subject)[options.type]


def sizes(subject: Subject) -> dict[Type, int]:
    """How large the whole model becomes in each type."""
    tensors = _tensors(subject)
    return {kind: sum(_bytes(tensor, kind) for tensor in tensors) + VOCABULARY_BYTES for kind in TYPES}


def fallbacks(subject: Subject, options: GgufOptions) -> tuple[int, int]:
    """How many tensors a K-quant cannot take, because 256 does not divide their rows, and how many there are."""
    tensors = _tensors(subject)
    if options.type in BY_CONVERTER or options.of == "adapter":
        return 0, len(tensors)
    return sum(not _divides(tensor) for tensor in tensors), len(tensors)


def _tensors(subject: Subject) -> Sequence[Tensor]:
    return inspection.inspect(merging.source(subject)).tensors


def _bytes(tensor: Tensor, kind: str) -> int:
    usual, ends, fallen_back = BITS[kind]
    if len(tensor.shape) < 2:
        bits = 32.0  # norms and biases
    elif not _divides(tensor) and kind not in BY_CONVERTER:
        bits = max(fallen_back, 8.5 if inspection.VOCABULARY.search(tensor.name) else 0)
    else:
        bits = ends if inspection.VOCABULARY.search(tensor.name) else usual
    return round(tensor.parameters * bits / 8)


def _divides(tensor: Tensor) -> bool:
    return len(tensor.shape) < 2 or tensor.shape[-1] % BLOCK == 0


def installation() -> Room | None:
    """What is fetched first, because llama.cpp is not here yet; None when it is. Raises RefusedError, DiskFullError."""
    missing = runtimes.needed(RUNTIME)
    return room.needed(Build.model_validate(missing["build"])) if missing else None


def spec(subject: Subject, options: GgufOptions, card: str) -> dict[str, Any]:
    """What the worker is told. Raises RefusedError where llama.cpp is missing and cannot be installed."""
    stem = facts.folder_name(subject, "gguf")
    base_type = BASE_TYPES.get(inspection.inspect(Path(str(subject.base.path))).dtype or "", "f16")
    return {
        "base_path": str(merging.source(subject)),
        "adapter_path": str(subject.folder) if subject.weights == "adapter" else None,
        "of": options.of,
        "type": options.type,
        "base_type": base_type,
        "base_file": f"{facts.base_file(subject)}.gguf",
        "name": f"{stem}-{options.type}",
        "title": subject.run.name,
        "parameters": merging.parameters(subject),
        "card": card,
        "run_folder": str(home.run_folder(subject.run.id)),
        "runtimes": str(runtimes.root()),
        "install": runtimes.needed(RUNTIME),
    }
