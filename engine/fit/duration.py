"""How much a training computes, in floating-point operations (FLOPs), and how long that takes. Estimates; pure.

forward     2 for each weight and token, and 4 x layers x width x tokens of the row for attention
            (Kaplan et al., arXiv:2001.08361; Chowdhery et al., PaLM, appendix B, arXiv:2204.02311)
backward    as much again for the activations' gradients, and 2 for each trained weight and token for its own.
            So full tuning takes 6 for each weight and token, LoRA 4, and 2 more with gradient checkpointing
reference   one more forward where answers are compared with what the untrained model says
answers     of a method that generates them: a forward for each token, at GENERATING_SHARE of the speed, because
            every token alone reads all weights
evaluation  the forward passes alone for each held-out row, each time
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.fit import memory
from engine.process import devices
from engine.recipes import launch_command, methods, steps
from engine.recipes.choices import tunings
from engine.recipes.evaluations import evaluated_every
from engine.recipes.recipe import Recipe

GENERATING_SHARE = 0.1  # of the speed of training: a rough figure
# Of a large product of matrices that a training reaches, with all that it does between them: the default sft of
# tests.bench.train does 0.55 on two cores. Methods and tunings that are not computed as leanly reach less.
SHARE_OF_PEAK = 0.45
BATCH_SECONDS = 0.05  # of a batch, whatever its size: what Python and a few thousand small operations take
START_SECONDS = 20  # libraries, model, rows; and the result, saved and checked
EVALUATED_TIME = 0.1  # of the time of the steps, which evaluations keep to by themselves
ASKS_REFERENCE = ("dpo", "kto")


@dataclass(frozen=True)
class Shape:
    """What counts of a model: all parameters, those of a lookup table alone, those that are trained, layers, width."""

    parameters: int
    looked_up: int
    trained: int
    layers: int
    width: int

    @classmethod
    def of(cls, config: Mapping[str, Any], parameters: int, trained: int) -> "Shape":
        """From config.json. Tied embeddings are the head too, and so are multiplied by."""
        width = memory.config_number(dict(config), "hidden_size", "n_embd")
        tied = config.get("tie_word_embeddings", True)
        looked_up = 0 if tied else memory.config_number(dict(config), "vocab_size") * width
        layers = memory.config_number(dict(config), "num_hidden_layers", "n_layer")
        return cls(parameters, min(looked_up, parameters), trained, layers, width)


@dataclass(frozen=True)
class Amount:
    """Rows (or answers) to learn in all, and held out; tokens of a row, both sides of a pair counted."""

    rows: int
    row_tokens: float
    held_out: int = 0

    @property
    def tokens(self) -> float:
        return self.rows * self.row_tokens


def forward_flops(shape: Shape, row_tokens: float) -> float:
    """Of one token in a row of so many."""
    return 2 * (shape.parameters - shape.looked_up) + 4 * shape.layers * shape.width * row_tokens


def token_flops(recipe: Recipe, shape: Shape, row_tokens: float) -> float:
    """FLOPs to learn from one token, in a row of so many."""
    forward = forward_flops(shape, row_tokens)
    passes = 2 + bool(recipe.gradient_checkpointing) + (recipe.method in ASKS_REFERENCE)
    answer = methods.answered_share(recipe.method, recipe.lmbda, recipe.seq_kd) * forward / GENERATING_SHARE
    return passes * forward + 2 * shape.trained + answer


def seconds(recipe: Recipe, shape: Shape, amount: Amount, flops_per_second: float) -> float:
    """From the start to the saved result, on a machine that does so many FLOPs a second in a training."""
    rows = amount.rows + evaluation_share(recipe) * evaluation_rows(recipe, amount)
    work = rows * amount.row_tokens * token_flops(recipe, shape, amount.row_tokens)
    batches = amount.rows / recipe.per_device_train_batch_size
    return START_SECONDS + (batches * BATCH_SECONDS + work / flops_per_second) / at_once(recipe)


def at_once(recipe: Recipe) -> int:
    """How many devices compute at the same time. Processes on one CPU share its cores, so they are no faster."""
    spread = launch_command.layout_for(recipe)
    return spread.machines if devices.on_this_machine() == (devices.CPU,) else spread.world


def evaluation_rows(recipe: Recipe, amount: Amount) -> int:
    """Held-out rows that are read in all evaluations together, the one at the end included."""
    total = math.ceil(amount.rows / steps.rows_a_step(recipe))
    if recipe.eval_steps is not None:
        return amount.held_out * math.ceil(total / recipe.eval_steps)
    most = EVALUATED_TIME * amount.rows / evaluation_share(recipe)
    return min(amount.held_out * math.ceil(total / evaluated_every(total)), round(most))


def evaluation_share(recipe: Recipe) -> float:
    """Time to read a held-out row, of that to learn from a row: the passes of each, as in token_flops.

    An answer is written for both, which takes longest.
    """
    if recipe.method in methods.GENERATING:
        return 1.0
    asks_reference = recipe.method in ASKS_REFERENCE
    every_weight = tunings.leaves_model(recipe.tuning)
    return (1 + asks_reference) / (2 + asks_reference + bool(recipe.gradient_checkpointing) + every_weight)


def rows_seen(recipe: Recipe, rows: int) -> int:
    """Rows that are trained on in the whole run, repeated ones counted again; answers, where they are generated."""
    total = recipe.max_steps if recipe.max_steps > 0 else None
    if total is None and (recipe.method in methods.GENERATING):
        total = steps.total_steps(recipe, rows)
    if total is not None:
        return total * steps.rows_a_step(recipe)
    return round(recipe.num_train_epochs * steps.training_rows(recipe, rows))
