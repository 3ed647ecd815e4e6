"""The two that are compared, made ready to be asked: weights in memory, tokenizer, the words in which rows are put.

Adapters of one base are loaded once, and switched off for the base itself, by the server's own code. Whole models are
loaded one after the other.
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from engine.serve.adapter_files import BEFORE_EACH_ROW
from engine.weights import files
from engine.workers.contract import WorkFailedError
from engine.workers.evaluate import tokens_before
from engine.workers.evaluate.tokens_before import Prompted
from engine.workers.evaluate.wording import LONGEST_READ, Words
from engine.workers.serve import load
from engine.workers.serve.load import Voice

NAMES = ("base", "tuned")


def context_of(side: Mapping[str, Any], words: Words) -> int:
    """Tokens of the longest text that the model reads."""
    config = files.read_json(Path(side["model_path"]), "config.json") or {}
    inner = config.get("text_config") if isinstance(config.get("text_config"), dict) else config
    limits = [(inner or {}).get("max_position_embeddings"), words.tokenizer.model_max_length]
    return min([int(limit) for limit in limits if limit] or [LONGEST_READ])


def together(spec: Mapping[str, Any]) -> list[list[str]]:
    """Which sides are loaded at once: both where one is the other without its adapter, or both are adapters."""
    base, tuned = spec["base"], spec["tuned"]
    shares = base["model_path"] == tuned["model_path"]
    by_layers = all(side["adapter_path"] is None or _by_layers(side) for side in (base, tuned))
    return [[*NAMES]] if shares and by_layers and not base["scores"] else [[name] for name in NAMES]


def _by_layers(side: Mapping[str, Any]) -> bool:
    config = files.read_json(Path(side["adapter_path"]), "adapter_config.json") or {}
    return str(config.get("peft_type")).upper() not in BEFORE_EACH_ROW


@contextmanager
def opened(
    spec: Mapping[str, Any], names: Sequence[str], words: Mapping[str, Words], settings: Mapping[str, Any]
) -> Iterator[dict[str, Voice | Prompted]]:
    """The sides of these names in memory while the block lasts, by name. Raises WorkFailedError for what is not there.

    `settings`: the device, and the dtype in which they are computed, as the studio's server does.
    """
    adapters = {name: spec[name]["adapter_path"] for name in names if spec[name]["adapter_path"]}
    asked = {
        "model_path": spec[names[0]]["model_path"],
        "adapters": adapters,
        "names": {name: name if name in adapters else load.BASE for name in names},
        **settings,
    }
    voices: dict[str, Voice | Prompted] = {}
    try:
        if any(not _by_layers(spec[name]) for name in adapters):
            voices = {names[0]: _prompted(spec[names[0]], words[names[0]], settings)}
        else:
            voices = dict(load.load(asked).voices)
        yield voices
    except (OSError, SafetensorError) as error:
        hint = "Fetch or add the model again on the Models page."
        raise WorkFailedError("data", f"A model cannot be loaded: {error}"[:800], hint) from error
    finally:
        voices.clear()
        release()


def _prompted(side: Mapping[str, Any], words: Words, settings: Mapping[str, Any]) -> Prompted:
    dtype = getattr(torch, settings["dtype"])
    folders = Path(side["model_path"]), Path(side["adapter_path"])
    return tokens_before.opened(*folders, words.tokenizer, settings["device"], dtype)


def release() -> None:
    """Gives the memory back of what nobody holds any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def refuse_missing(spec: Mapping[str, Any]) -> None:
    """Raises WorkFailedError where the files of a side are gone, before anything else takes time."""
    for name in NAMES:
        side = spec[name]
        for folder, file in ((side["model_path"], "config.json"), (side["adapter_path"], "adapter_config.json")):
            if folder and not (Path(folder) / file).is_file():
                message = f"The files of `{side['title']}` are gone from the disk."
                raise WorkFailedError("data", message, "Fetch or add the model again on the Models page.")
