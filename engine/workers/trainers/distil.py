"""TRL's GKDTrainer with both LM heads at the labelled positions alone, and a teacher whose vocabulary may be padded.

The divergence is TRL's own function, so the loss of rows is TRL's (tests/workers/train/test_distil.py). Two things
differ: an answer that was written while training is averaged over its own tokens (TRL 1.16 divides by the number of
the row's labels, which it replaced), and numbers of tokens that only one of the two models has are never compared or
said.
"""

from dataclasses import dataclass
from typing import Any

import torch
from trl.experimental.gkd import GKDTrainer

from engine.workers.tokens.row_tokens import prompt_tokens
from engine.workers.trainers.fast_sft import NOT_LEARNT, AnswersTrainer, without_adapter
from engine.workers.trainers.judged_batches import Batch, Row, attention, padded


@dataclass(frozen=True)
class DistilBatches:
    """Rows as padded batches, with what stands before the last answer as prompts, which are filled up on the left."""

    pad: int

    def __call__(self, rows: list[Row]) -> Batch:
        ids = [list(row["input_ids"]) for row in rows]
        prompts = [row_ids[: prompt_tokens(row["labels"])] for row_ids, row in zip(ids, rows, strict=True)]
        reversed_prompts = [row[::-1] for row in prompts]
        return {
            "input_ids": padded(ids, self.pad),
            "attention_mask": attention(ids),
            "labels": padded([list(row["labels"]) for row in rows], NOT_LEARNT),
            "prompts": padded(reversed_prompts, self.pad).flip(1),
            "prompt_attention_mask": attention(reversed_prompts).flip(1),
        }


class DistilTrainer(AnswersTrainer, GKDTrainer):
    """Generalised knowledge distillation (arXiv 2306.13649)."""

    shared_tokens: int  # numbers of tokens that both models know, from 0 on
    _is_on_policy = False  # whether the batch at hand was answered while training

    def share(self, tokens: int) -> None:
        """Compares, and lets both say, only the first so many numbers of the vocabulary."""
        self.shared_tokens = tokens
        largest_vocabulary = max(_width(self.model), _width(self.teacher_model))
        if largest_vocabulary > tokens:
            self.generation_config.suppress_tokens = list(range(tokens, largest_vocabulary))

    def generate_on_policy_outputs(  # a function of the class in TRL
        self, model: Any, inputs: dict[str, Any], generation_config: Any
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        self._is_on_policy = True
        ids, mask, labels = GKDTrainer.generate_on_policy_outputs(model, inputs, generation_config)
        # Padding goes to the right, where it changes no model's positions.
        order = (mask == 0).int().argsort(dim=1, stable=True)
        return ids.gather(1, order), mask.gather(1, order), labels.gather(1, order)

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        model_inputs = {name: inputs[name] for name in ("input_ids", "attention_mask")}
        learnt = inputs["labels"][:, 1:] != NOT_LEARNT
        student_logits = self._logits(self.model if self.fast_loss else model, model_inputs, learnt)
        with torch.no_grad():
            teacher_logits = self._logits(self.teacher_model.eval(), model_inputs, learnt)
        count = learnt.sum() if num_items_in_batch is None else num_items_in_batch
        if self._is_on_policy:
            count, self._is_on_policy = learnt.sum() * self.current_gradient_accumulation_steps, False
        count = torch.as_tensor(count).clamp(min=1)
        loss = GKDTrainer.generalized_jsd_loss(student_logits, teacher_logits, beta=self.beta, num_items_in_batch=count)
        self._count_tokens(model_inputs["attention_mask"])
        return (loss, {}) if return_outputs else loss

    def _logits(self, model: torch.nn.Module, model_inputs: dict[str, Any], learnt: torch.Tensor) -> torch.Tensor:
        """Of the labelled positions: (labels, shared tokens), float32."""
        if self.fast_loss:
            base = without_adapter(model)
            with self.accelerator.autocast():  # accelerate wraps the whole model, which is passed by here
                hidden = base.base_model(**model_inputs, use_cache=False).last_hidden_state[:, :-1]
                logits = base.get_output_embeddings()(hidden[learnt])
        else:
            logits = model(**model_inputs, use_cache=False).logits[:, :-1][learnt]
        return logits[:, : self.shared_tokens].float()


def _width(model: Any) -> int:
    return int(without_adapter(model).get_output_embeddings().weight.shape[0])
