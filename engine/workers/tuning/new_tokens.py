"""Tokens that the data uses and the model has no embedding for: given one that is trained, or refused.

A tokenizer may have tokens that its model has no row for: added, and never resized. Where no row of the data uses one,
nothing is changed. Where one does, full tuning trains a larger model, and LoRA trains the new rows alone and keeps
them in its adapter; other tunings cannot.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pyarrow.compute
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from engine.process import events
from engine.recipes.methods import reference_is_kept
from engine.recipes.recipe import Recipe
from engine.weights.token_facts import GROWN_BY, MOST_NAMED
from engine.workers import networks
from engine.workers.contract import WorkFailedError
from engine.workers.tuning.model import Base

TAKE_OUT = "take the rows with these tokens out of the data."
IN_ADAPTER = (
    "The new rows are trained and saved in the adapter: the backend transformers serves it, vLLM takes no such adapter."
)


def fitted(base: Base, recipe: Recipe, data: Iterable[Dataset], adapter: Path | None, out: Path) -> Base:
    """The base with an embedding for every token of the data, and for those of the adapter that is trained further.

    Gives the tokenizer a padding token that has one, too. Raises WorkFailedError where the recipe cannot train that.
    """
    size, tokenizer = networks.rows(base.model), base.tokenizer
    kept = networks.adapter_rows(base.model, adapter) if adapter else 0
    if max(kept, highest_token(tokenizer) + 1) <= size:
        return base
    needed = highest_used(data) + 1
    if needed > max(size, kept):
        if adapter:
            message = f"The adapter to start from has no embedding for {_named(tokenizer, max(size, kept), needed)}."
            raise WorkFailedError("config", message, "Train this model from the beginning.")
        base = _grown(base, recipe, needed, out)
    networks.enlarge(base.model, kept)
    if note := pad_with_known(tokenizer, networks.rows(base.model)):
        events.append(out, events.Note(message=note))
    return base


def _grown(base: Base, recipe: Recipe, needed: int, out: Path) -> Base:
    size, tokenizer = networks.rows(base.model), base.tokenizer
    names = _named(tokenizer, size, needed)
    if reason := _cannot_grow(recipe):
        message = f"The data uses {names}, for which the model has no embedding ({size:,} rows). {reason[0]}"
        raise WorkFailedError("config", message, reason[1])
    rows = max(needed, highest_token(tokenizer) + 1)
    networks.enlarge(base.model, rows)
    is_whole = recipe.tuning == "full"
    result = "The result is a model with the larger embeddings." if is_whole else IN_ADAPTER
    message = f"The data uses {names}, so the embeddings grow from {size:,} to {rows:,} rows. {result}"
    events.append(out, events.Note(level="warning", message=message))
    return base if is_whole else replace(base, new_tokens=tuple(range(size, rows)))


def _cannot_grow(recipe: Recipe) -> tuple[str, str] | None:
    """Why this training cannot give a token its embedding, and what to do instead."""
    if recipe.tuning not in GROWN_BY:
        return f"Tuning {recipe.tuning} cannot train a new one.", f"Use tuning lora, qlora or full, or {TAKE_OUT}"
    if recipe.method == "gkd":
        return "The teacher has none either.", TAKE_OUT.capitalize()
    if reference_is_kept(recipe.method, recipe.tuning, recipe.beta):
        return "The model it is compared with has none either.", f"Use tuning lora, or {TAKE_OUT}"
    if recipe.strategy not in ("none", "ddp"):
        return f"Strategy {recipe.strategy} cannot add one.", f"Use strategy none or ddp, or {TAKE_OUT}"
    return None


def highest_token(tokenizer: PreTrainedTokenizerBase) -> int:
    """The highest number of a token, which is not always their count less one."""
    return max(tokenizer.get_vocab().values(), default=-1)


def highest_used(data: Iterable[Dataset]) -> int:
    """The highest token in any column of token ids; -1 when there is none."""
    highest = -1
    for dataset in data:
        for name in dataset.column_names:
            if name.endswith("_ids"):
                tokens = pyarrow.compute.list_flatten(dataset.data.column(name))
                highest = max(highest, pyarrow.compute.max(tokens).as_py() or -1)
    return highest


def _named(tokenizer: PreTrainedTokenizerBase, first: int, end: int) -> str:
    tokens = range(first, end)
    texts = [f"`{tokenizer.convert_ids_to_tokens(token)}`" for token in tokens[:MOST_NAMED]]
    return ", ".join(texts) + (f" and {len(tokens) - MOST_NAMED:,} more" if len(tokens) > MOST_NAMED else "")


def pad_with_known(tokenizer: PreTrainedTokenizerBase, rows: int) -> str:
    """Gives the tokenizer a padding token among the model's `rows` tokens; says so, or nothing when it has one.

    Padding is neither learnt nor attended to, so any will do.
    """
    if tokenizer.pad_token_id < rows:
        return ""
    tokens = (tokenizer.eos_token_id, tokenizer.unk_token_id, 0)
    before, token = tokenizer.pad_token, next(token for token in tokens if token is not None and token < rows)
    tokenizer.pad_token = tokenizer.convert_ids_to_tokens(token)
    return f"The padding token `{before}` has no embedding, so rows are padded with `{tokenizer.pad_token}`."
