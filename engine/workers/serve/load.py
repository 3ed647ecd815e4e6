"""Loads what a server speaks with: one base model, the LoRA adapters on it, and the names they answer to.

Adapters share the base's weights. A run that trained every weight has left a whole model instead; it is loaded beside.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.weights import files
from engine.workers import lean_imports, networks
from engine.workers.contract import WorkFailedError
from engine.workers.tokens import turn_end

BASE = ""  # in a spec's `names`, stands for the base model itself


@dataclass(frozen=True)
class Voice:
    """One way to answer: a network, and the adapter that is switched on in it (None is the network alone)."""

    network: Any
    adapter: str | None
    eos_ids: frozenset[int]
    switches: list[tuple[Any, bool]] = field(default_factory=list, repr=False)
    rows: int = 1 << 40  # tokens it has embeddings for: a network may have more, for another adapter on it

    def speak(self) -> None:
        """Switches the network's layers to this voice. Call it before a forward pass, always from one thread.

        Raises RuntimeError when its adapter was unloaded: nothing may answer in its place.
        """
        if self.adapter is not None and not self.switches:
            raise RuntimeError("the adapter was unloaded")
        # PEFT's set_adapter also touches requires_grad of every weight: 14 ms for 210 layers, against 0.05 ms for this.
        for layer, has_adapter in self.switches:
            layer._disable_adapters = self.adapter is None
            if self.adapter is not None:
                layer._active_adapter = [self.adapter] if has_adapter else []

    def known(self, scores: torch.Tensor) -> torch.Tensor:
        """Scores (rows, tokens) without the tokens that only an adapter on the same network knows."""
        return scores[:, : self.rows]

    def same(self, other: "Voice") -> bool:
        """Whether both can be computed in one batch."""
        return self.network is other.network and self.adapter == other.adapter


@dataclass(frozen=True)
class Loaded:
    """Everything a server needs to answer: the tokenizer and, by served name, the voices."""

    tokenizer: Any
    voices: dict[str, Voice]
    context_length: int
    base: Voice
    wrapped: Any = None  # PEFT's model around the base, once it has adapters: only to load them and let them go


def load(spec: dict[str, Any]) -> Loaded:
    """Loads the base and every adapter of a serve spec. Raises WorkFailedError for what cannot be served."""
    path, device, dtype = spec["model_path"], spec.get("device", "cpu"), getattr(torch, spec.get("dtype", "bfloat16"))
    tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    tokenizer("a")  # settles padding and truncation now: changing them later, in another thread, would fail
    folders = {key: Path(folder) for key, folder in spec.get("adapters", {}).items()}
    lora_folders = {key: folder for key, folder in folders.items() if (folder / "adapter_config.json").exists()}
    expected = [Path(folder) for folder in spec.get("expected", ())]
    tokenizer.chat_template = tokenizer.chat_template or _template_of([*folders.values(), *expected])
    network = _network(path, device, dtype, tokenizer)
    context_length, base_rows = _context_length(network, tokenizer), networks.rows(network)
    adapter_rows = {key: networks.adapter_rows(network, folder) for key, folder in lora_folders.items()}
    to_come = [networks.adapter_rows(network, folder) for folder in expected]
    networks.enlarge(network, max([*adapter_rows.values(), *to_come], default=0))
    eos_ids = _eos_ids(network)
    wrapped = _with_adapters(network, lora_folders) if lora_folders else None
    voices = {BASE: Voice(network, None, eos_ids, switches(network, None), base_rows)}
    for key, folder in folders.items():
        if key in lora_folders:
            rows = max(base_rows, adapter_rows[key])
            voices[key] = Voice(network, key, eos_ids | saved_eos_ids(folder), switches(network, key), rows)
        else:
            full_network = _network(str(folder), device, dtype, tokenizer)
            voices[key] = Voice(full_network, None, _eos_ids(full_network), rows=networks.rows(full_network))
    named = {name: voices[key] for name, key in spec["names"].items()}
    return Loaded(tokenizer, named, context_length, voices[BASE], wrapped)


def _network(path: str, device: str, dtype: torch.dtype, tokenizer: Any) -> Any:
    """The model, mostly in bfloat16: half the memory, and about twice the tokens per second on a CPU too (measured)."""
    network = networks.load(AutoModelForCausalLM, Path(path), dtype=dtype)
    turn_end.settle(network, tokenizer)
    return network.to(device).eval()


def _template_of(folders: Iterable[Path]) -> Any:
    """The chat template of the first result that has one: a model without one is trained with a plain one."""
    for folder in folders:
        if (folder / "tokenizer_config.json").exists():
            template = AutoTokenizer.from_pretrained(folder, trust_remote_code=False).chat_template
            if template:
                return template
    return None


def _with_adapters(network: Any, folders: dict[str, Path]) -> Any:
    with lean_imports.importing():
        from peft import PeftModel  # noqa: PLC0415  (takes seconds to import; a base alone does without)

    wrapped: Any = None
    for key, folder in folders.items():
        if not (folder / "adapter_model.safetensors").exists():
            raise WorkFailedError("config", f"{folder} holds no adapter_model.safetensors.", "Serve a finished run.")
        with must_fit(folder):
            if wrapped is None:
                wrapped = PeftModel.from_pretrained(network, str(folder), adapter_name=key)
            else:
                wrapped.load_adapter(str(folder), adapter_name=key)
        cast(wrapped, key, network.dtype)
    return wrapped.eval()


def cast(wrapped: Any, adapter: str, dtype: torch.dtype) -> int:
    """Has an adapter's weights computed as the base's are; returns how many bytes they take.

    Not the whole network: it has buffers, such as the frequencies of its positions, that are kept in float32.
    """
    own = [weight for name, weight in wrapped.named_parameters() if adapter in name.split(".")]
    for weight in own:
        weight.data = weight.data.to(dtype)
    return sum(weight.nbytes for weight in own)


def switches(network: Any, adapter: str | None) -> list[tuple[Any, bool]]:
    """The layers that adapters have changed, each with whether this one is among them."""
    layers = [layer for layer in network.modules() if hasattr(layer, "_disable_adapters")]
    return [(layer, adapter in layer._get_available_adapters()) for layer in layers]


@contextmanager
def must_fit(folder: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, RuntimeError, KeyError) as error:
        text = f"The adapter in {folder} does not fit the model: {str(error)[:500]}"
        raise WorkFailedError("config", text, "Serve it with the base model it was trained on.") from error


def _eos_ids(network: Any) -> frozenset[int]:
    """Tokens that end an answer: the model's own, the tokenizer's, and what the chat template writes behind one."""
    return frozenset(turn_end.as_ids(network.generation_config.eos_token_id))


def saved_eos_ids(adapter: Path) -> frozenset[int]:
    """What a training has saved beside its adapter."""
    generation = files.read_json(adapter, "generation_config.json") or {}
    return frozenset(turn_end.as_ids(generation.get("eos_token_id")))


def _context_length(network: Any, tokenizer: Any) -> int:
    limits = (getattr(network.config, "max_position_embeddings", None), tokenizer.model_max_length)
    return min(int(limit) for limit in limits if limit)
