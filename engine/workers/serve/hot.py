"""Adapters loaded into a running server, and let go: vLLM's two routes.

The network is changed in the batch's thread, between two steps, so no answer is ever computed with half an adapter.
Answers that are being written keep their own voice; they pause while the weights are put in place.
"""

import asyncio
import importlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors import safe_open

from engine.errors import TunesmithError
from engine.workers import networks
from engine.workers.contract import WorkFailedError
from engine.workers.serve.batch import Batch, Turns
from engine.workers.serve.errors import RequestError
from engine.workers.serve.load import Loaded, Voice, cast, must_fit, saved_eos_ids, switches


class LoadBody(BaseModel):
    """An adapter's folder, and the name it will answer to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lora_name: str = Field(min_length=1, max_length=200, pattern=r"^[\w:@-]+$")  # torch allows no dots
    lora_path: str = Field(min_length=1, max_length=4096)


class UnloadBody(BaseModel):
    """An adapter by its name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lora_name: str = Field(min_length=1, max_length=200)


class HotAdapters:
    """The adapters on one server's base."""

    def __init__(self, loaded: Loaded, batch: Batch) -> None:
        self._loaded, self._batch = loaded, batch
        self._wrapped = loaded.wrapped
        self._hot: dict[str, Voice] = {}  # the adapters that came this way
        self._changing = asyncio.Lock()  # one at a time

    async def load(self, body: LoadBody) -> dict[str, Any]:
        """Loads an adapter under a new name. Answers with the memory it takes."""
        folder = Path(body.lora_path)
        async with self._changing:
            if body.lora_name in self._loaded.voices:
                raise RequestError(f"The name `{body.lora_name}` is in use.", "lora_name")
            if not (folder / networks.ADAPTER_CONFIG).is_file() or not (folder / networks.ADAPTER).is_file():
                raise RequestError(f"`{body.lora_name}`: there is no adapter in {folder}.", "lora_path", status=404)
            await asyncio.to_thread(importlib.import_module, "peft")  # takes seconds the first time; answers go on
            try:
                chore = self._batch.between_steps(lambda _lanes: self._put_in(body.lora_name, folder))
                voice, size_bytes = await asyncio.wrap_future(chore)
            except (WorkFailedError, TunesmithError) as error:
                raise RequestError(str(error), "lora_path") from error
            except (RuntimeError, ValueError, OSError, LookupError, TypeError) as error:
                text = f"The adapter cannot be loaded ({type(error).__name__}: {str(error)[:300]})."
                raise RequestError(text, "lora_path", status=500) from error
            self._loaded.voices[body.lora_name] = self._hot[body.lora_name] = voice
        return {"status": "loaded", "lora_name": body.lora_name, "size_bytes": size_bytes}

    async def unload(self, body: UnloadBody) -> dict[str, Any]:
        """Lets go of an adapter. Refused with 409 while answers are written with it."""
        async with self._changing:
            voice = self._hot.get(body.lora_name)
            if voice is None:
                raise RequestError(f"There is no adapter `{body.lora_name}`.", "lora_name", status=404)
            chore = self._batch.between_steps(lambda lanes: self._take_out(voice, lanes))
            if not await asyncio.wrap_future(chore):
                text = f"`{body.lora_name}` is writing answers. Try again when they are done."
                raise RequestError(text, "lora_name", "in_use", 409)
            del self._loaded.voices[body.lora_name], self._hot[body.lora_name]
        return {"status": "unloaded", "lora_name": body.lora_name}

    def _put_in(self, name: str, folder: Path) -> tuple[Voice, int]:
        base = self._loaded.base
        with torch.inference_mode(False), torch.no_grad(), must_fit(folder):  # weights outlive this thread's mode
            rows = self._make_room(folder)
            try:
                self._wrapped = _loaded_on(self._wrapped, base.network, name, folder)
                _refuse_incomplete(self._wrapped, name, folder)
                size_bytes = cast(self._wrapped, name, base.network.dtype)
            except Exception:
                self._delete(name)
                raise
            finally:
                self._switch_anew()
        eos_ids = base.eos_ids | saved_eos_ids(folder)
        return Voice(base.network, name, eos_ids, switches(base.network, name), max(base.rows, rows)), size_bytes

    def _make_room(self, folder: Path) -> int:
        """Rows of the embeddings that the adapter goes by; the network gets as many."""
        plain = self._loaded.base.network
        rows = networks.adapter_rows(plain, folder)
        if rows > networks.rows(plain):
            if any(hasattr(layer, "_disable_adapters") for layer in networks.embeddings(plain)):
                text = f"The adapter knows {rows:,} tokens, more than the running model has room for."
                raise WorkFailedError("config", text, "Deploy the endpoint with it: room is made at the start.")
            networks.enlarge(plain, rows)
        return rows

    def _switch_anew(self) -> None:
        """Layers may have become adapter layers: every voice on this base must know them."""
        base = self._loaded.base
        for voice in [base, *self._loaded.voices.values()]:
            if voice.network is base.network:  # another network is a whole model beside it
                voice.switches[:] = switches(base.network, voice.adapter)

    def _take_out(self, voice: Voice, lanes: Sequence[Turns]) -> bool:
        if any(lane.voice is voice and lane.rows for lane in lanes):
            return False
        self._delete(str(voice.adapter))
        voice.switches.clear()
        return True

    def _delete(self, name: str) -> None:
        with warnings.catch_warnings():  # which adapter counts as active is decided anew at every step
            warnings.simplefilter("ignore", UserWarning)
            if self._wrapped is not None:
                if name in self._wrapped.peft_config:
                    self._wrapped.delete_adapter(name)
                return
            for layer in self._loaded.base.network.modules():  # the first one broke off: PEFT's model never came
                if hasattr(layer, "_disable_adapters") and name in layer._get_available_adapters():
                    layer.delete_adapter(name)


def _refuse_incomplete(wrapped: Any, name: str, folder: Path) -> None:
    """Raises ValueError where file and network do not have the same layers: PEFT only warns of it."""
    own = {key: weight for key, weight in wrapped.named_parameters() if name in key.split(".")}
    with safe_open(folder / networks.ADAPTER, framework="pt") as tensors:
        stored = {key.removesuffix(".weight") for key in tensors.keys() if "lora_" in key}  # noqa: SIM118 (not a dict)
    known = {key.removesuffix(".weight").removesuffix(f".{name}") for key in own}
    if missing := sorted(key for key, weight in own.items() if weight.is_meta):
        raise ValueError(f"it lacks {missing[0]} and {len(missing) - 1} more")
    if unknown := sorted(stored - known):
        raise ValueError(f"the model has no {unknown[0]}, nor {len(unknown) - 1} more")


def _loaded_on(wrapped: Any, network: Any, name: str, folder: Path) -> Any:
    """PEFT's model around the network, with one more adapter."""
    from peft import PeftModel  # noqa: PLC0415  (takes seconds to import; a base alone does without)

    options = {"adapter_name": name, "autocast_adapter_dtype": False, "low_cpu_mem_usage": True}
    if wrapped is None:
        return PeftModel.from_pretrained(network, str(folder), torch_device=str(network.device), **options).eval()
    wrapped.load_adapter(str(folder), torch_device=str(network.device), **options)
    return wrapped
