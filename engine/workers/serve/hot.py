"""Adapters loaded into a running server, and let go: vLLM's two routes.

The network is changed in the batch's thread, between two steps, so no answer is ever computed with half an adapter.
Answers that are being written keep their own voice; they pause while the weights are put in place.
"""

import asyncio
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field

from engine.errors import TunesmithError
from engine.workers import networks
from engine.workers.contract import WorkFailedError
from engine.workers.serve.batch import Batch, Lane
from engine.workers.serve.errors import RequestError
from engine.workers.serve.load import Loaded, Voice, cast, must_fit, saved_eos_ids, switches


class LoadBody(BaseModel):
    """An adapter's folder, and the name it will answer to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lora_name: str = Field(min_length=1, max_length=200)
    lora_path: str = Field(min_length=1, max_length=4096)


class UnloadBody(BaseModel):
    """An adapter by its name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lora_name: str = Field(min_length=1, max_length=200)


class HotAdapters:
    """The adapters on one server's base."""

    def __init__(self, loaded: Loaded, batch: Batch) -> None:
        self._loaded, self._batch = loaded, batch
        self._network = loaded.base.network  # with adapters on it once there are any
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
                self._network = _loaded_on(self._network, name, folder)
                size_bytes = cast(self._network, name, base.network.dtype)
            except Exception:
                self._delete(name)
                raise
            finally:
                self._switch_anew()
        eos_ids = base.eos_ids | saved_eos_ids(folder)
        return Voice(self._network, name, eos_ids, switches(self._network, name), max(base.rows, rows)), size_bytes

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
        for voice in [self._loaded.base, *self._loaded.voices.values()]:
            if voice.adapter is None and voice.network is not self._loaded.base.network:
                continue  # a whole model beside it
            voice.switches[:] = switches(self._network, voice.adapter)

    def _take_out(self, voice: Voice, lanes: Sequence[Lane]) -> bool:
        if any(lane.voice is voice and lane.rows for lane in lanes):
            return False
        self._delete(str(voice.adapter))
        voice.switches.clear()
        return True

    def _delete(self, name: str) -> None:
        with warnings.catch_warnings():  # which adapter counts as active is decided anew at every step
            warnings.simplefilter("ignore", UserWarning)
            if self._network is not self._loaded.base.network or hasattr(self._network, "delete_adapter"):
                if name in self._network.peft_config:
                    self._network.delete_adapter(name)
                return
            for layer in self._network.modules():  # the first one broke off before there was a model around them
                if hasattr(layer, "_disable_adapters") and name in layer._get_available_adapters():
                    layer.delete_adapter(name)


def _loaded_on(network: Any, name: str, folder: Path) -> Any:
    """The network with one more adapter."""
    from peft import PeftModel  # noqa: PLC0415  (takes seconds to import; a base alone does without)

    options = {"adapter_name": name, "autocast_adapter_dtype": False, "low_cpu_mem_usage": True}
    if not isinstance(network, PeftModel):
        return PeftModel.from_pretrained(network, str(folder), **options).eval()
    network.load_adapter(str(folder), torch_device=str(network.device), **options)
    return network
