"""Says what a model folder holds and whether it can be trained here, from its small files and headers alone.

No torch, no transformers: it takes milliseconds, and nothing of the folder is ever executed.
"""

import ast
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.errors import RefusedError
from engine.weights import chat_template
from engine.weights import files as model_files
from engine.weights.files import Tensor

MAX_CONFIG_BYTES = 4 << 20  # kept in memory; a real one has some thousand bytes, with notes on each layer a million
CONTEXT_KEYS = ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length", "n_ctx", "max_seq_len")
VOCABULARY_KEYS = ("vocab_size", "n_vocab")
# The input embeddings and the head as transformers names them, with a row for each token.
VOCABULARY = re.compile(r"(^|\.)(embed_tokens|wte|embed_in|word_embeddings|lm_head|embed_out)\.weight$")
TOKENIZERS = (("tokenizer.json",), ("tokenizer.model",), ("vocab.json", "merges.txt"), ("spiece.model",))
LICENCES = {
    "Apache License": "apache-2.0",
    "MIT License": "mit",
    "Permission is hereby granted, free of charge": "mit",
    "GNU GENERAL PUBLIC LICENSE": "gpl",
    "Redistribution and use in source and binary forms": "bsd",
    "LLAMA": "llama",
}


@dataclass(frozen=True)
class Inspection:
    """What is known of a model before it was ever loaded. `reasons` says why it cannot be trained; empty if it can."""

    folder: Path
    architecture: str | None = None
    model_type: str | None = None
    parameters: int | None = None
    dtype: str | None = None  # of most weights, as safetensors spells it
    size_bytes: int = 0  # of the weights files
    context_length: int | None = None  # tokens
    licence: str | None = None
    has_tokenizer: bool = False
    has_chat_template: bool = False
    tensors: tuple[Tensor, ...] = ()
    config: dict[str, Any] | None = None
    reasons: tuple[str, ...] = ()

    @property
    def trainable(self) -> bool:
        return not self.reasons


def inspect(folder: Path) -> Inspection:
    """Looks into `folder`. Never raises for what is in it: whatever is wrong is among the `reasons`."""
    try:
        return _inspect(folder)
    except RefusedError as error:
        return Inspection(folder=folder, reasons=(str(error),))
    except OSError as error:
        return Inspection(folder=folder, reasons=(f"It cannot be read: {error.strerror or error}.",))


def _inspect(folder: Path) -> Inspection:
    config = read_config(folder)
    files = model_files.weight_files(folder)
    reasons, tensors = _kind_reasons(folder, config, files), []
    try:
        tensors = model_files.tensors(folder, files)
    except RefusedError as error:
        reasons = [*reasons, *config_reasons(config), str(error)]
    return described(folder, tensors, _size(folder, files), reasons)


def described(folder: Path, tensors: list[Tensor], size_bytes: int, reasons: Sequence[str] = ()) -> Inspection:
    """What a model is by the small files in `folder` and the headers of its weights, which may be elsewhere.

    `size_bytes` is the size of the weights; `reasons` are known already. Raises RefusedError for a broken config.json.
    """
    config, tokenizer = read_config(folder), has_tokenizer(folder)
    reasons = [*reasons, *config_reasons(config)]
    if config is not None and not tokenizer:
        reasons.append("It has no tokenizer (tokenizer.json or tokenizer.model): copy it from the original model.")
    reasons += vocabulary_reasons(config, tensors)
    return Inspection(
        folder=folder,
        architecture=_architecture(config),
        model_type=_text(config, "model_type"),
        parameters=sum(tensor.parameters for tensor in tensors) or None,
        dtype=_dtype(tensors),
        size_bytes=size_bytes,
        context_length=_context_length(config),
        licence=licence(folder),
        has_tokenizer=tokenizer,
        has_chat_template=has_chat_template(folder),
        tensors=tuple(tensors),
        config=config,
        reasons=tuple(dict.fromkeys(reasons)),
    )


def read_config(folder: Path) -> dict[str, Any] | None:
    """config.json; None when there is none. Raises RefusedError when it is no JSON object, or too large to be one."""
    return model_files.read_json(folder, "config.json", MAX_CONFIG_BYTES)


def _kind_reasons(folder: Path, config: dict[str, Any] | None, files: list[str]) -> list[str]:
    """Why the folder as a whole is not a model that can be trained: what it is instead."""
    if (folder / "adapter_config.json").exists():
        return ["It is an adapter, not a whole model: add the base model it was made for."]
    if not files:
        return [_other_weights(folder)]
    if config is None:
        return ["It has no config.json, so its architecture is unknown: copy it from the original model."]
    return []


def _other_weights(folder: Path) -> str:
    endings = {path.suffix.lower() for path in folder.iterdir()}
    if ".gguf" in endings:
        return (
            "It has GGUF weights only, which are made for inference: use the original safetensors model, "
            "or add the .gguf file itself, which is then turned back."
        )
    if endings & {".bin", ".pt", ".pth", ".ckpt", ".pkl"}:
        return (
            "Its weights are pickle files (.bin, .pt), which can run code when they are loaded: "
            "use a version with safetensors."
        )
    if ".safetensors" in endings:
        return "Its safetensors files have other names than model.safetensors or an index: save it with transformers."
    return "It has no weights (model.safetensors): copy or download the whole model."


def config_reasons(config: dict[str, Any] | None) -> list[str]:
    if config is None:
        return []
    architecture, model_type = _architecture(config), _text(config, "model_type")
    native = causal_architectures().get(model_type or "", ())
    reasons = []
    if own_code(config) and (architecture is None or architecture not in native):
        reasons.append("It brings its own code (auto_map), and the studio never runs a model's code.")
    elif architecture is None:
        reasons.append("Its config.json has no architecture.")
    elif architecture not in native:
        reasons.append(_not_causal(architecture, model_type))
    if isinstance(config.get("vision_config"), dict) or isinstance(config.get("audio_config"), dict):
        reasons.append(f"{architecture} also reads images or sound; the studio trains models of text alone.")
    if quantised := quantisation(config):
        reasons.append(f"Its weights are already quantised ({quantised}): use the original model; qlora quantises it.")
    return reasons


def vocabulary_size(config: dict[str, Any] | None) -> int:
    """Rows of the embeddings: transformers makes as many as config.json says; 0 when it does not say."""
    text_config = (config or {}).get("text_config")
    for settings in (text_config if isinstance(text_config, dict) else {}, config or {}):
        for key in VOCABULARY_KEYS:
            if isinstance(size := settings.get(key), int) and size > 0:
                return size
    return 0


def vocabulary_reasons(config: dict[str, Any] | None, tensors: list[Tensor]) -> list[str]:
    """Whether embeddings and head have the rows that config.json names: resized weights beside an older file have not.

    Both stand at the ends of the model, so no other matrix has these names.
    """
    size = vocabulary_size(config)
    for tensor in tensors:
        if size and VOCABULARY.search(tensor.name) and len(tensor.shape) == 2 and tensor.shape[0] != size:
            return [
                f"Its {tensor.name} has {tensor.shape[0]:,} rows, and config.json says vocab_size {size:,}: write "
                f"{tensor.shape[0]} there, or copy config.json from where the weights come from."
            ]
    return []


def _not_causal(architecture: str, model_type: str | None) -> str:
    if not causal_architectures():
        return "transformers is not installed here, so nothing can be trained."
    return (
        f"{architecture} ({model_type or 'no model_type'}) is not a causal language model that the installed "
        "transformers knows: choose one that writes text (...ForCausalLM)."
    )


def own_code(config: dict[str, Any]) -> bool:
    """Whether the folder wants Python code of its own to be run instead of the library's class."""
    auto_map = config.get("auto_map")
    if not auto_map:
        return False
    if not isinstance(auto_map, dict):
        return True
    native = causal_architectures().get(_text(config, "model_type") or "", ())
    model = auto_map.get("AutoModelForCausalLM")
    return not (isinstance(model, str) and model.rpartition(".")[2] in native)


def quantisation(config: dict[str, Any]) -> str | None:
    """The method with which the weights were quantised, if they were."""
    method = config.get("quantization_config")
    if not method:
        return None
    name = method.get("quant_method") if isinstance(method, dict) else None
    return model_files.printable(name[:40]) if isinstance(name, str) else "unknown method"


@lru_cache(maxsize=1)
def causal_architectures() -> dict[str, tuple[str, ...]]:
    """model_type -> class names that AutoModelForCausalLM loads; empty without transformers.

    Read from the installed transformers' source, because importing it takes seconds and the app must not.
    """
    spec = find_spec("transformers")
    if spec is None or spec.origin is None:
        return {}
    source = Path(spec.origin).parent / "models" / "auto" / "modeling_auto.py"
    block = re.search(
        r"^MODEL_FOR_CAUSAL_LM_MAPPING_NAMES = OrderedDict\(\s*(\[.*?^ *\])", source.read_text(), re.M | re.S
    )
    pairs = ast.literal_eval(block[1]) if block else []
    return {kind: (names,) if isinstance(names, str) else tuple(names) for kind, names in pairs}


def _architecture(config: dict[str, Any] | None) -> str | None:
    names = (config or {}).get("architectures")
    first = names[0] if isinstance(names, list) and names else None
    return model_files.printable(first[:100]) if isinstance(first, str) else None


def _text(config: dict[str, Any] | None, key: str) -> str | None:
    value = (config or {}).get(key)
    return model_files.printable(value[:100]) if isinstance(value, str) else None


def _context_length(config: dict[str, Any] | None) -> int | None:
    for key in CONTEXT_KEYS:
        value = (config or {}).get(key)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 40:
            return value
    return None


def _dtype(tensors: list[Tensor]) -> str | None:
    weights: Counter[str] = Counter()
    for tensor in tensors:
        weights[tensor.dtype] += tensor.parameters
    return weights.most_common(1)[0][0] if weights else None


def _size(folder: Path, files: list[str]) -> int:
    names = files or [path.name for path in folder.iterdir() if path.suffix in (".gguf", ".bin", ".safetensors")]
    return sum((folder / name).stat().st_size for name in names if (folder / name).is_file())


def has_tokenizer(folder: Path) -> bool:
    return any(all((folder / name).is_file() for name in names) for names in TOKENIZERS)


def has_chat_template(folder: Path) -> bool:
    """Whether the tokenizer can lay out a conversation."""
    return chat_template.text(folder) is not None


def licence(folder: Path) -> str | None:
    """The licence named in the README's front matter (as on the hub), else recognised from a LICENSE file."""
    front = re.match(r"---[ \t]*\r?\n(.*?)\n---", model_files.read_text(folder, "README.md", 64 << 10) or "", re.S)
    if front:
        license_name = re.search(r"^license_name:[ \t]*['\"]?([\w.+-]{1,60})", front[1], re.M)
        license_id = re.search(r"^license:[ \t]*['\"]?([\w.+-]{1,60})", front[1], re.M)
        if match := (license_name or license_id):
            return match[1]
    for name in ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE"):
        text = model_files.read_text(folder, name, 4096) or ""
        if recognised := next(
            (identifier for beginning, identifier in LICENCES.items() if beginning.lower() in text.lower()), None
        ):
            return recognised
    return None


def looks_like_model(folder: Path) -> bool:
    """Whether there is anything of a model in the folder, be it one that cannot be trained."""
    config_names = ("config.json", "adapter_config.json")
    weights = (".safetensors", ".gguf", ".bin", ".pt", ".pth", ".ckpt")
    return any(path.name in config_names or path.suffix.lower() in weights for path in folder.iterdir())
