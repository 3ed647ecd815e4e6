"""Several short rows in one sequence, none of which sees another: made once for a run, from rows that are tokens.

Positions begin again with each row. Transformers tells the rows apart by that, in most models; `isolates` tries it on
the model at hand. With flash attention a batch is one long sequence with its borders told (TRL's collator); elsewhere
it stays rows of equal length, because a mask over one long sequence grows with the square of the whole batch.
"""

from dataclasses import dataclass
from typing import Any

import numpy
import torch
from datasets import Dataset
from transformers import PreTrainedModel
from trl import pack_dataset
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from engine.recipes.choices.tunings import TUNINGS
from engine.recipes.recipe import Recipe
from engine.workers.trainers.judged_batches import padded

NOT_LEARNT = -100
FEWEST_STEPS = 4  # in an epoch: packing makes few steps of few rows, and then hardly anything is learnt
PROBE = (7, 5)  # tokens of the two rows that are tried

MIXED = (
    "packing was left out: in a model of the kind {kind} rows in one sequence would see each other. "
    "Use train_sampling_strategy group_by_length instead."
)
PROMPTED = "packing was left out: the tuning {tuning} puts tokens before every row, and would before the first alone."
TINY = (
    "packing was left out: it would make {packed} sequences of {rows} rows, so {steps} steps an epoch, and hardly "
    "anything would be learnt. Use a smaller max_length, or train_sampling_strategy group_by_length."
)

Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Outcome:
    """Whether rows were packed, in which shape of batches, and what a person should know about it."""

    done: bool = False
    flat: bool = False
    notes: tuple[str, ...] = ()


def packed_or_not(rows: Dataset, model: PreTrainedModel, recipe: Recipe, length: int) -> tuple[Dataset, Outcome]:
    """The rows to learn from, packed when the recipe asks for it and it is right."""
    if not recipe.packing:
        return rows, Outcome()
    if not TUNINGS[recipe.tuning].layers:
        return rows, Outcome(notes=(PROMPTED.format(tuning=recipe.tuning),))
    flat = model.config.get_text_config()._attn_implementation.startswith("flash")
    if not flat and not isolates(model):
        return rows, Outcome(notes=(MIXED.format(kind=model.config.model_type),))
    packed = pack(rows, length, recipe.seed)
    rows_a_step = recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps
    if len(packed) < FEWEST_STEPS * rows_a_step:
        note = TINY.format(rows=len(rows), packed=len(packed), steps=-(-len(packed) // rows_a_step))
        return rows, Outcome(notes=(note,))
    return packed, Outcome(done=True, flat=flat)


def pack(rows: Dataset, length: int, seed: int) -> Dataset:
    """`input_ids`, `labels` and `seq_lengths`: rows of at most `length` tokens, best fit decreasing, in a seeded order.

    TRL packs a thousand rows at a time, so they are mixed before: neighbours of the file do not stay together.
    """
    order = numpy.random.default_rng(seed).permutation(len(rows))
    return pack_dataset(rows.select(order).select_columns(["input_ids", "labels"]), length, "bfd")


@torch.no_grad()
def isolates(model: PreTrainedModel) -> bool:
    """Whether a row behind another one is computed as it is alone, on this very model with its attention.

    It is not in models that count positions themselves (OPT, Falcon, BLOOM), nor with a state that runs on through the
    sequence (Mamba).
    """
    training = model.training
    model.eval()
    decoder, embeddings = model.base_model, model.get_input_embeddings().weight
    first, second = PROBE
    ids = torch.arange(first + second, device=embeddings.device) * 7 + 3
    changed = torch.cat([ids[:first] + 1, ids[first:]])
    positions = torch.cat([torch.arange(size, device=embeddings.device) for size in PROBE])
    pair = torch.stack([ids, changed]) % embeddings.shape[0]
    behind = decoder(input_ids=pair, position_ids=positions.expand(2, -1), use_cache=False).last_hidden_state[:, first:]
    alone = decoder(input_ids=pair[:1, first:], use_cache=False).last_hidden_state
    model.train(training)
    unseen = torch.allclose(behind[0], behind[1], rtol=1e-3, atol=1e-3)
    # In bfloat16 two ways to the same number part a little.
    return unseen and bool((behind[:1] - alone).float().norm() < 0.05 * alone.float().norm())


@dataclass(frozen=True)
class Packed:
    """Batches of packed rows. `flat` is for flash attention; `tokens` are the real ones of each row, no padding."""

    pad: int
    flat: bool

    def __call__(self, rows: list[dict[str, Any]]) -> Batch:
        tokens = torch.tensor([len(row["input_ids"]) for row in rows])
        if self.flat:
            batch = DataCollatorForLanguageModeling(self.pad, padding_free=True)(rows)
            return {**batch, "tokens": tokens.sum()[None]}
        positions = padded([_positions(row) for row in rows], 0)
        labels = padded([row["labels"] for row in rows], NOT_LEARNT)
        return {
            "input_ids": padded([row["input_ids"] for row in rows], self.pad),
            "position_ids": positions,
            # What a row begins with is not told by the row before it.
            "labels": labels.masked_fill(positions == 0, NOT_LEARNT),
            "tokens": tokens,
        }


def _positions(row: dict[str, Any]) -> list[int]:
    """0, 1, 2 ... anew for each row that was packed; a row of its own is packed with none."""
    sizes = row.get("seq_lengths") or [len(row["input_ids"])]
    return [position for size in sizes for position in range(size)]
