"""A LoRA adapter as llama.cpp reads it: one alpha for all of it, and the scale alpha / rank for each weight.

PEFT has more: rsLoRA divides by the root of the rank, and single layers may have their own alpha or rank. What differs
is multiplied into B, so that the same change comes out.
"""

import json
import math
import re
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from engine.workers import networks

_LAYER = re.compile(r"^base_model\.model\.(.+)\.lora_(?:embedding_)?B(?:\.weight)?$")


def stage(adapter: Path, folder: Path) -> None:
    """The adapter's two files in a folder of their own, with scales that llama.cpp computes too."""
    folder.mkdir(parents=True)
    config: dict[str, Any] = json.loads((adapter / networks.ADAPTER_CONFIG).read_text(encoding="utf-8"))
    weights = load_file(adapter / networks.ADAPTER)
    alpha = float(config["lora_alpha"])
    for name, tensor in weights.items():
        if layer := _LAYER.match(name):
            rank = int(tensor.shape[1])
            factor = scale(config, layer[1], rank) * rank / alpha
            weights[name] = tensor if math.isclose(factor, 1.0) else (tensor.float() * factor).to(tensor.dtype)
    save_file(weights, folder / networks.ADAPTER, metadata={"format": "pt"})
    (folder / networks.ADAPTER_CONFIG).write_text(json.dumps(config), encoding="utf-8")


def scale(config: dict[str, Any], layer: str, rank: int) -> float:
    """What PEFT multiplies B A of a layer by. Patterns are names or regular expressions for the end of a name."""
    patterns: dict[str, float] = config.get("alpha_pattern") or {}
    special = next((value for key, value in patterns.items() if re.match(rf"(.*\.)?({key})$", layer)), None)
    alpha = float(config["lora_alpha"] if special is None else special)
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
