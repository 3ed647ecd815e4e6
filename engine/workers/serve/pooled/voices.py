"""Loads what a server speaks with, reward models among it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from engine.workers.serve import load
from engine.workers.serve.pooled import scorer


def loaded(spec: dict[str, Any]) -> load.Loaded:
    """As `load.load`, with a Scorer for each run that trained a reward model. Raises WorkFailedError."""
    folders = {key: Path(folder) for key, folder in spec.get("adapters", {}).items()}
    judges = {key: folder for key, folder in folders.items() if scorer.is_scorer(folder)}
    names: dict[str, str] = spec["names"]
    writers = {
        "adapters": {key: str(folder) for key, folder in folders.items() if key not in judges},
        "names": {name: key for name, key in names.items() if key not in judges},
    }
    base, device, dtype = Path(spec["model_path"]), spec.get("device", "cpu"), spec.get("dtype", "bfloat16")
    writing = load.load({**spec, **writers})
    scorers = {key: scorer.load(base, folder, device, getattr(torch, dtype)) for key, folder in judges.items()}
    voices = {name: scorers[key] if key in scorers else writing.voices[name] for name, key in names.items()}
    return replace(writing, voices=voices)
