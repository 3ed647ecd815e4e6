"""Loads what a server speaks with: one base model, the LoRA adapters on it, and the names they answer to.

Adapters share the base's weights. A run that trained every weight has left a whole model instead; it is loaded beside.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.workers.contract import WorkFailedError

BASE = ""  # in a spec's `names`, stands for the base model itself


@dataclass(frozen=True)
class Voice:
    """One way to answer: a network, and the adapter that is switched on in it (None is the network alone)."""

    network: Any
    adapter: str | None
    eos_ids: frozenset[int]
    switches: list[Any] = field(default_factory=list, repr=False)

    def speak(self) -> None:
        """Switches the network's layers to this voice. Call it before a forward pass, always from one thread."""
        # PEFT's set_adapter also touches requires_grad of every weight: 14 ms for 210 layers, against 0.05 ms for this.
        for layer in self.switches:
            layer._disable_adapters = self.adapter is None
            if self.adapter is not None:
                layer._active_adapter = [self.adapter]

    def same(self, other: "Voice") -> bool:
        """Whether both can be computed in one batch."""
        return self.network is other.network and self.adapter == other.adapter


@dataclass(frozen=True)
class Loaded:
    """Everything a server needs to answer: the tokenizer and, by served name, the voices."""

    tokenizer: Any
    voices: dict[str, Voice]
    context_length: int


def load(spec: dict[str, Any]) -> Loaded:
    """Loads the base and every adapter of a serve spec. Raises WorkFailedError for what cannot be served."""
    path, device, dtype = spec["model_path"], spec.get("device", "cpu"), getattr(torch, spec.get("dtype", "bfloat16"))
    tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    tokenizer("a")  # settles padding and truncation now: changing them later, in another thread, would fail
    folders = {key: Path(folder) for key, folder in spec.get("adapters", {}).items()}
    lora_folders = {key: folder for key, folder in folders.items() if (folder / "adapter_config.json").exists()}
    network = _network(path, device, dtype)
    context_length = _context_length(network, tokenizer)
    network, switches = _with_adapters(network, lora_folders) if lora_folders else (network, [])
    voices = {BASE: Voice(network, None, _eos_ids(network, tokenizer), switches)}
    for key, folder in folders.items():
        if key in lora_folders:
            voices[key] = Voice(network, key, voices[BASE].eos_ids, switches)
        else:
            full_network = _network(str(folder), device, dtype)
            voices[key] = Voice(full_network, None, _eos_ids(full_network, tokenizer))
    return Loaded(tokenizer, {name: voices[key] for name, key in spec["names"].items()}, context_length)


def _network(path: str, device: str, dtype: torch.dtype) -> Any:
    """The model, mostly in bfloat16: half the memory, and about twice the tokens per second on a CPU too (measured)."""
    options = {"dtype": dtype, "use_safetensors": True, "trust_remote_code": False}
    network = AutoModelForCausalLM.from_pretrained(path, **options)
    return network.to(device).eval()


def _with_adapters(network: Any, folders: dict[str, Path]) -> tuple[Any, list[Any]]:
    from peft import PeftModel  # noqa: PLC0415  (takes seconds to import; a base alone does without)

    wrapped: Any = None
    for key, folder in folders.items():
        if not (folder / "adapter_model.safetensors").exists():
            raise WorkFailedError("config", f"{folder} holds no adapter_model.safetensors.", "Serve a finished run.")
        with _must_fit(folder):
            if wrapped is None:
                wrapped = PeftModel.from_pretrained(network, str(folder), adapter_name=key)
            else:
                wrapped.load_adapter(str(folder), adapter_name=key)
    wrapped.to(network.dtype).eval()
    return wrapped, [layer for layer in wrapped.modules() if hasattr(layer, "_disable_adapters")]


@contextmanager
def _must_fit(folder: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, RuntimeError, KeyError) as error:
        text = f"The adapter in {folder} does not fit the model: {str(error)[:500]}"
        raise WorkFailedError("config", text, "Serve it with the base model it was trained on.") from error


def _eos_ids(network: Any, tokenizer: Any) -> frozenset[int]:
    """Tokens that end an answer: the model's own, and the tokenizer's (chat tunes often change only that one)."""
    configured = network.generation_config.eos_token_id
    model_ids = configured if isinstance(configured, list) else [configured]
    return frozenset(token for token in [*model_ids, tokenizer.eos_token_id] if token is not None)


def _context_length(network: Any, tokenizer: Any) -> int:
    limits = (getattr(network.config, "max_position_embeddings", None), tokenizer.model_max_length)
    return min(int(limit) for limit in limits if limit)
