"""What vLLM has to be told about a model and its adapters beyond their folders: where answers end, how chats look.

vLLM takes both from the base model's folder alone: it stops at the `eos_token_id` of generation_config.json and at the
tokenizer's own (vllm/sampling_params.py: update_from_generation_config; an override on the command line changes only
how tokens are drawn). Where a base stops elsewhere than its chat template ends a turn, it is given another file.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.errors import RefusedError
from engine.weights import files, inspection
from engine.weights.files import Tensor
from engine.weights.token_facts import TokenFacts

GENERATION = "generation_config.json"
TEMPLATE = "chat_template.jinja"
WEIGHTS = "adapter_model.safetensors"
ELSEWHERE = "Serve it with the backend transformers."
# What vLLM refuses in an adapter's configuration (vllm/lora/peft_helper.py: PEFTHelper).
UNSERVABLE = {
    "trainable_token_indices": "has embeddings for new tokens",
    "modules_to_save": "has whole modules (modules_to_save)",
    "use_dora": "was trained with DoRA",
    "bias": "has trained biases",
    "lora_bias": "has biases of its own (lora_bias)",
    "alora_invocation_tokens": "is an activated LoRA",
    "layer_replication": "replicates layers",
    "use_bdlora": "is block-diagonal",
    "use_qalora": "was trained with QALoRA",
}
PLAIN_STARTS = ("gaussian", "eva", "orthogonal", "mica", "lora_ga")  # saved, they are LoRA like any other


def generation_config(model: Path, facts: TokenFacts | None, adapters: Collection[Path]) -> str | None:
    """The text of a generation_config.json with every end of an answer; None where the model's own has them all.

    `facts` is what is known of the base's tokenizer. What a training saved beside its adapter counts too.
    """
    own = files.read_json(model, GENERATION)
    configured = (own if own is not None else files.read_json(model, "config.json") or {}).get("eos_token_id")
    ids = _as_ids(configured)
    known = facts.eos_ids if facts else []
    saved = [_as_ids((files.read_json(folder, GENERATION) or {}).get("eos_token_id")) for folder in adapters]
    ends = list(dict.fromkeys([*known, *(token for tokens in saved for token in tokens), *ids]))
    if set(ends) <= set(ids):
        return None
    return json.dumps({**(own or {}), "eos_token_id": ends}, indent=2)


def _as_ids(configured: Any) -> list[int]:
    values = configured if isinstance(configured, list) else [configured]
    return [value for value in values if isinstance(value, int)]


def chat_template(model: Path, adapters: Collection[Path]) -> Path | None:
    """The template that an adapter was trained with, where its base has none of its own."""
    if inspection.has_chat_template(model):
        return None
    return next((folder / TEMPLATE for folder in adapters if (folder / TEMPLATE).is_file()), None)


def is_adapter(folder: Path) -> bool:
    """Whether a run has left an adapter there; else it is a whole model."""
    return (folder / "adapter_config.json").exists()


def template_text(folder: Path) -> str:
    """The chat template of a model or an adapter; "" without one."""
    if text := files.read_text(folder, TEMPLATE):
        return text
    for name in ("tokenizer_config.json", "chat_template.json"):
        template = (files.read_json(folder, name) or {}).get("chat_template")
        if template:
            return template if isinstance(template, str) else json.dumps(template)
    return ""


def rank(adapter: Path) -> int | None:
    """The largest rank in an adapter's folder (`largest_rank`). Raises RefusedError for one that is damaged."""
    config = _adapter_config(adapter)
    try:
        tensors = files.tensors(adapter, [WEIGHTS]) if (adapter / WEIGHTS).exists() else []
        return largest_rank(config, tensors)
    except (RefusedError, ValueError) as error:
        raise _damaged(adapter, str(error).rstrip(".")) from error


def largest_rank(config: Mapping[str, Any], tensors: Iterable[Tensor]) -> int | None:
    """The largest rank that an adapter's configuration names or its matrices have; None where there is none.

    A server makes room for the one and reads the other. Raises ValueError for a rank that is none.
    """
    pattern = config.get("rank_pattern") or {}
    named = [config.get("r"), *(pattern.values() if isinstance(pattern, dict) else [pattern])]
    given = [value for value in named if value is not None]
    if wrong := [value for value in given if not isinstance(value, int) or isinstance(value, bool) or value < 1]:
        raise ValueError(f"a rank in adapter_config.json is {wrong[0]!r:.40}")
    return max([*given, *(tensor.shape[0] for tensor in tensors if _is_first(tensor))], default=None)


def _is_first(tensor: Tensor) -> bool:
    """Whether it is the first matrix of a LoRA, (rank, inputs)."""
    return ".lora_A." in tensor.name and len(tensor.shape) == 2


def refuse_unservable(adapters: Collection[Path]) -> None:
    """Raises RefusedError for an adapter that vLLM cannot load: it loads LoRA layers and nothing else.

    Said here, because vLLM says it after a minute.
    """
    for adapter in adapters:
        if what := unservable(_adapter_config(adapter)):
            message = f"The adapter of the run {adapter.parent.name} {what}, which vLLM cannot load."
            raise RefusedError(message, ELSEWHERE)


def unservable(config: Mapping[str, Any]) -> str:
    """Why vLLM cannot load an adapter of this configuration, to follow its name; "" where it can."""
    kind = config.get("peft_type")
    if kind is not None and kind != "LORA":
        return f"is of the kind {files.printable(str(kind)[:40])}"
    start = config.get("init_lora_weights")
    if isinstance(start, str) and start.lower() not in PLAIN_STARTS:
        return f"begins as a part of its base (init_lora_weights: {files.printable(start[:40])})"
    return next((words for field, words in UNSERVABLE.items() if (config.get(field) or "none") != "none"), "")


def _adapter_config(adapter: Path) -> dict[str, Any]:
    try:
        return files.read_json(adapter, "adapter_config.json") or {}
    except RefusedError as error:
        raise _damaged(adapter, str(error)) from error


def _damaged(adapter: Path, reason: str) -> RefusedError:
    return RefusedError(f"The adapter of the run {adapter.parent.name} is damaged: {reason}.", "Serve another run.")
