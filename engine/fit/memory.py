"""How much memory a training needs, and how much this machine has. An estimate, on the careful side; all in bytes.

    weights      parameters x width. full and freeze: 4 (float32 master weights); adapters: 2 with bfloat16, else 4;
                 qlora: 0.5625 for each weight of a linear layer (4 bits and a scale a block; int8: 1), 2 for the others
    gradients    4 for each trained parameter
    optimiser    choices.optimisers for each trained parameter: 8 in AdamW (two float32 numbers), 2 in 8 bits, SGD 0
    activations  tokens x layers x (12 hidden + 4 intermediate) x width, after Korthikanti et al. (arXiv:2205.05198)
                 without the attention matrix, which no backend here keeps; with gradient checkpointing
                 tokens x (layers + 12) x hidden + 4 intermediate of one layer
    logits       labelled tokens x vocabulary x 12: float32 logits, their softmax and their gradient
                 A pair of answers is two rows; a reward model has no logits; full tuning against a reference holds the
                 model twice (engine.recipes.methods.reference_is_kept).
    overhead     600 MB: Python, torch and its buffers

How many parameters are trained is in engine.recipes.choices.tuning_sizes.
"""

import re
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine import sizes
from engine.errors import TunesmithError
from engine.process import machine
from engine.recipes import auxiliary_models
from engine.recipes.choices import tunings
from engine.recipes.choices.optimisers import OPTIMISERS
from engine.recipes.methods import METHODS, reference_is_kept
from engine.recipes.recipe import Recipe
from engine.weights.inspection import Inspection, inspect
from storage.tables import Model

OVERHEAD_BYTES = 600_000_000
QUANTISED_BYTES = {"nf4": 0.5625, "fp4": 0.5625, "int8": 1.0}  # of a weight of a linear layer, with its scale
LOGIT_BYTES = {"reward": 0, "gkd": 48}  # gkd: of both models, both softmaxes, their mixture and its two divergences
MAX_NUMBER = 1 << 40  # of a field of config.json: a stranger's may have thousands of digits
SHARE_OF_MEMORY = 0.9  # the rest is the system's and the studio's own
NOT_ADAPTED = re.compile(r"(^|\.)(embed\w*|wte|wpe|lm_head|score|shared)(\.|$)")


@dataclass(frozen=True)
class Memory:
    """What the memory is for, in bytes."""

    weights: int
    gradients: int
    optimiser: int
    activations: int
    logits: int
    overhead: int = OVERHEAD_BYTES
    companion: int = 0  # a teacher or a reward model

    @property
    def total(self) -> int:
        return sum(getattr(self, field.name) for field in fields(self))

    def __str__(self) -> str:
        parts = ((field.name, getattr(self, field.name)) for field in fields(self))
        return ", ".join(f"{name} {sizes.in_words(size)}" for name, size in parts if size)


def training_bytes(model: Model, recipe: Recipe, row_tokens: int | None = None) -> int:
    """The memory that this training needs when every row has `row_tokens` tokens (default: recipe.max_length)."""
    return memory(model, recipe, row_tokens).total


def memory(model: Model, recipe: Recipe, row_tokens: int | None = None) -> Memory:
    """The same, item by item. A model whose files cannot be read is judged by its row alone.

    Where the recipe leaves it open, activations are recomputed when they would not fit (engine.workers.train.compute).
    """
    inspection = inspect_cached(model.path) if model.path else Inspection(Path())
    return of_inspected(inspection, model.parameters or inspection.parameters or 0, recipe, row_tokens)


def of_inspected(inspection: Inspection, parameters: int, recipe: Recipe, row_tokens: int | None = None) -> Memory:
    """The same for a model that need not be here: the headers of its weights and its config.json are enough."""
    needed = _memory(inspection, parameters, recipe, row_tokens)
    needed = replace(needed, companion=_companion(recipe))
    if recipe.gradient_checkpointing is None and needed.total > available_bytes():
        recomputing = recipe.model_copy(update={"gradient_checkpointing": True})
        return of_inspected(inspection, parameters, recomputing, row_tokens)
    return needed


def _memory(inspection: Inspection, parameters: int, recipe: Recipe, row_tokens: int | None) -> Memory:
    trained = trained_parameters(inspection, recipe, parameters)
    sides = 2 if "preference" in METHODS[recipe.method].kinds else 1
    tokens = sides * recipe.per_device_train_batch_size * min(row_tokens or recipe.max_length, recipe.max_length)
    return Memory(
        weights=_weights(inspection, recipe, parameters) * (2 if _keeps_reference(recipe) else 1),
        gradients=4 * trained,
        optimiser=int(OPTIMISERS[recipe.optim].state * trained),
        activations=_activations(inspection.config or {}, recipe, tokens),
        logits=LOGIT_BYTES.get(recipe.method, 12) * tokens * config_number(inspection.config or {}, "vocab_size"),
    )


def _companion(recipe: Recipe) -> int:
    """What the model beside it takes, which is only asked; 0 where there is none, or it is not there."""
    try:
        companion = auxiliary_models.of(recipe)
    except TunesmithError:
        return 0
    return (companion.parameters or 0) * (2 if computes_in_bf16(recipe) else 4) if companion else 0


def _keeps_reference(recipe: Recipe) -> bool:
    return reference_is_kept(recipe.method, recipe.tuning, recipe.beta)


def trained_parameters(inspection: Inspection, recipe: Recipe, parameters: int) -> int:
    """How many numbers the training changes."""
    return tunings.trained_parameters(recipe, linear_layers(inspection), parameters)


def linear_layers(inspection: Inspection) -> dict[str, tuple[int, int]]:
    """Module name -> shape of every layer that LoRA can adapt: matrices other than the embeddings."""
    return {
        tensor.name.removesuffix(".weight"): (tensor.shape[0], tensor.shape[1])
        for tensor in inspection.tensors
        if tensor.name.endswith(".weight") and len(tensor.shape) == 2 and not NOT_ADAPTED.search(tensor.name)
    }


def _weights(inspection: Inspection, recipe: Recipe, parameters: int) -> int:
    if not tunings.TUNINGS[recipe.tuning].quantises:
        return parameters * bytes_per_weight(recipe)
    linear = sum(outputs * inputs for outputs, inputs in linear_layers(inspection).values())
    return int(linear * QUANTISED_BYTES[recipe.quantization]) + 2 * max(parameters - linear, 0)


def bytes_per_weight(recipe: Recipe) -> int:
    """Bytes of a weight while training, as engine.workers.tuning.model chooses: trained as it is, it is float32."""
    whole = tunings.leaves_model(recipe.tuning) or recipe.modules_to_save
    return 2 if computes_in_bf16(recipe) and not whole else 4


def computes_in_bf16(recipe: Recipe) -> bool:
    """The recipe's word, or else what the device does in hardware."""
    return machine.computes_bf16() if recipe.bf16 is None else recipe.bf16


def _activations(config: dict[str, Any], recipe: Recipe, tokens: int) -> int:
    layers, hidden = (
        config_number(config, "num_hidden_layers", "n_layer"),
        config_number(config, "hidden_size", "n_embd"),
    )
    intermediate = config_number(config, "intermediate_size", "n_inner") or 4 * hidden
    if recipe.gradient_checkpointing:
        return tokens * ((layers + 12) * hidden + 4 * intermediate) * bytes_per_weight(recipe)
    return tokens * layers * (12 * hidden + 4 * intermediate) * bytes_per_weight(recipe)


def config_number(config: dict[str, Any], *names: str) -> int:
    """The first of those fields that is a whole number above zero, and one that a model can have; 0 without one."""
    values = (config.get(name) for name in names)
    return next((value for value in values if type(value) is int and 0 < value < MAX_NUMBER), 0)


def checkpoint_bytes(model: Model, recipe: Recipe) -> int:
    """Size of one checkpoint: the trained weights and the optimiser's state."""
    inspection = inspect_cached(model.path) if model.path else Inspection(Path())
    parameters = model.parameters or 0
    trained = trained_parameters(inspection, recipe, parameters)
    weights = parameters if tunings.leaves_model(recipe.tuning) else trained
    return 4 * weights + int(OPTIMISERS[recipe.optim].state * trained) + 10_000_000  # tokenizer, random state, log


def available_bytes() -> int:
    """The memory that a training can count on here: what the device (or its container) has, less a tenth."""
    return int(machine.memory_bytes() * SHARE_OF_MEMORY)


def too_big(path: str) -> str | None:
    """Why no training of that model fits into this machine's memory, even the most frugal one; None when one does."""
    return too_big_inspected(inspect_cached(path))


def too_big_inspected(inspection: Inspection) -> str | None:
    """The same for a model that need not be here."""
    frugal = Recipe(
        model_id="any",
        dataset_id="any",
        tuning="qlora",
        lora_r=1,
        per_device_train_batch_size=1,
        max_length=64,
        gradient_checkpointing=True,
        bf16=True,
    )
    needed, available = _memory(inspection, inspection.parameters or 0, frugal, None).total, available_bytes()
    if needed <= available:
        return None
    return (
        f"Too big for this machine: even qlora with one short row at a time needs about {sizes.in_words(needed)} "
        f"of memory, and {sizes.in_words(available)} can be used here."
    )


def inspect_cached(path: str) -> Inspection:
    """An inspection, kept until a file of the folder changes: a form asks at every keystroke."""
    folder = Path(path)
    try:
        changed = max((entry.stat().st_mtime for entry in folder.iterdir() if entry.exists()), default=0.0)
    except OSError:
        changed = 0.0
    return _inspect(folder, changed)


@lru_cache(maxsize=32)
def _inspect(folder: Path, _changed: float) -> Inspection:
    return inspect(folder)
