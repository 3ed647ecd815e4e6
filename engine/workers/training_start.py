"""Begins a training with the adapter that an earlier run left: it is trained on, and the result fits the plain base.

A method with a reference compares with the model as it began, adapter included: for a model that comes with an adapter
TRL keeps a frozen copy of it, named `ref`, and asks that. It is not part of the result.
"""

from dataclasses import replace
from pathlib import Path

from peft import PeftModel
from safetensors import SafetensorError

from engine.workers.contract import WorkFailedError
from engine.workers.training_model import Base

REFERENCE = "ref"  # TRL's name for the copy


def begun_with(base: Base, adapter: Path | None) -> Base:
    """The base model with that adapter on it, ready to be trained on. Raises WorkFailedError when it does not fit."""
    if adapter is None:
        return base
    try:
        model = PeftModel.from_pretrained(base.model, adapter, is_trainable=True)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        message = f"The adapter to begin with cannot be loaded: {error}"[:1000]
        hint = "Choose another run in start_from, or train this model from the beginning."
        raise WorkFailedError("data", message, hint) from error
    return replace(base, model=model)
