"""Begins a training with the adapter that an earlier run left: it is trained on, and the result fits the plain base.

A method with a reference compares with the model as it began, adapter included: for a model that comes with an adapter
TRL keeps a frozen copy of it, named `ref`, and asks that. It is not part of the result.
"""

from dataclasses import replace
from pathlib import Path

from peft import PeftConfig, PeftModel, get_peft_model
from safetensors import SafetensorError

from engine.workers.contract import WorkFailedError
from engine.workers.tuning.model import Base


def begun_with(base: Base, adapter: Path | None) -> Base:
    """The base model with that adapter on it, ready to be trained on. Raises WorkFailedError when it does not fit."""
    if adapter is None:
        return base
    try:
        model = _opened(base, adapter)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        message = f"The adapter to start from cannot be loaded: {error}"[:1000]
        hint = "Choose another run in start_from, or train this model from the beginning."
        raise WorkFailedError("data", message, hint) from error
    return replace(base, model=model)


def _opened(base: Base, adapter: Path) -> PeftModel:
    config = PeftConfig.from_pretrained(adapter)
    if not config.is_prompt_learning:
        return PeftModel.from_pretrained(base.model, adapter, is_trainable=True)
    config.inference_mode = False  # PEFT opens learnt tokens for use alone, so they are put into new ones
    model = get_peft_model(base.model, config)
    model.load_adapter(adapter, model.active_adapter, is_trainable=True)
    return model
