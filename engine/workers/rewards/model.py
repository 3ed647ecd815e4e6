"""A reward model as the judge of answers: loaded beside the model that learns, asked in batches, never changed.

It reads prompt and answer through its own tokenizer and chat template, with the code that rows of its own training went
through, so an answer gets the score that it would have got there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification
from trl.trainer.reward_trainer import suppress_seqcls_warning

from engine.workers import networks
from engine.workers.contract import WorkFailedError
from engine.workers.tokens import row_tokens
from engine.workers.tokens.chat_spans import PLAIN_TEMPLATE
from engine.workers.tokens.row_texts import Source, Texts
from engine.workers.tokens.vocabulary import Vocabulary
from engine.workers.trainers.judged_batches import attention, padded
from engine.workers.tuning import model as training_model
from engine.workers.tuning.new_tokens import pad_with_known

ROWS_AT_ONCE = 16


@dataclass(frozen=True)
class Scorer:
    """A model with one number as its answer, and how it reads rows."""

    model: torch.nn.Module
    texts: Texts
    pad: int

    @torch.no_grad()
    def __call__(self, prompts: Sequence[list[dict[str, Any]]], answers: Sequence[str]) -> list[float | None]:
        """A score for each answer to the turns before it; None for what the model cannot read as a whole."""
        rows = [
            {"prompt": prompt, "completion": [{"role": "assistant", "content": answer}]}
            for prompt, answer in zip(prompts, answers, strict=True)
        ]
        longest = self.texts.source.max_length
        tokenised = row_tokens.tokenised(self.texts, rows, longest)
        known = networks.rows(self.model)  # its tokenizer may have more tokens
        fits = [
            number
            for number, row in enumerate(tokenised)
            if row.sides and row.sides[0].length <= longest and row.sides[0].ids.max(initial=0) < known
        ]
        scores: list[float | None] = [None] * len(rows)
        for start in range(0, len(fits), ROWS_AT_ONCE):
            row_numbers = fits[start : start + ROWS_AT_ONCE]
            batch_scores = self._scores([tokenised[number].sides[0].ids for number in row_numbers])
            for number, score in zip(row_numbers, batch_scores, strict=True):
                scores[number] = score
        return scores

    def _scores(self, ids: list[numpy.ndarray]) -> list[float]:
        device = self.model.get_input_embeddings().weight.device
        rows = [row.tolist() for row in ids]
        batch = {"input_ids": padded(rows, self.pad).to(device), "attention_mask": attention(rows).to(device)}
        scores: list[float] = self.model(**batch).logits[:, 0].float().tolist()
        return scores


def load(path: Path, adapter: Path | None, device: str, dtype: torch.dtype, new_head: bool = False) -> Scorer:
    """The reward model in a folder, or the adapter with its head on that model, on `device`.

    `new_head`: a model that has no such head gets one, as a training of a reward model begins.
    Raises WorkFailedError when it cannot be loaded or does not answer with one number.
    """
    tokenizer = training_model.load_tokenizer(adapter or path)
    try:
        with suppress_seqcls_warning():
            labels = 1 if adapter or new_head else None  # the head of the adapter takes the place of the new one
            model = networks.load(AutoModelForSequenceClassification, path, labels, dtype=dtype)
        if adapter:
            networks.enlarge(model, networks.adapter_rows(model, adapter))
            model = PeftModel.from_pretrained(model, adapter, is_trainable=False, local_files_only=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise _unfit(f"cannot be loaded: {error}"[:800]) from error
    if model.config.num_labels != 1:
        raise _unfit(f"answers with {model.config.num_labels} numbers, not with one score")
    pad_with_known(tokenizer, networks.rows(model))
    model.config.get_text_config().pad_token_id = tokenizer.pad_token_id  # where a row ends is told by it
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None) or 1 << 20
    texts = Texts(Vocabulary.of(tokenizer), Source(path, "unpaired", context, answers_only=True))
    if texts.uses_plain_template:
        tokenizer.chat_template = PLAIN_TEMPLATE
    return Scorer(model.eval().requires_grad_(False).to(device), texts, tokenizer.pad_token_id)


def _unfit(problem: str) -> WorkFailedError:
    return WorkFailedError("config", f"The reward model {problem}.", "Choose another one in reward_model_id.")
