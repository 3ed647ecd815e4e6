"""TRL's SFTTrainer with two changes: a faster loss where the model allows it, and an order of rows of our own.

Stock TRL applies the LM head at every position on a CPU, in chunks, computes it again for the gradient, and adds the
entropy of the whole vocabulary. Here it runs at the labelled positions alone, once, into a plain cross-entropy. The
loss is the same (tests/workers/trainers/test_fast_sft.py); on a CPU a step takes less than half the time.
"""

from functools import wraps
from types import MethodType
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel
from trl import SFTTrainer

from engine.workers.trainers import frozen_head, unmasked
from engine.workers.trainers.rows import RowTrainer

NOT_LEARNT = -100
PROBE_TOKENS = 8

# What some architectures do to the logits after the head. The probe below would find these too; this is cheaper.
LOGIT_CHANGES = ("final_logit_softcapping", "logit_scale", "logits_scaling", "output_multiplier", "lm_head_multiplier")


def allows_fast_loss(model: PreTrainedModel) -> bool:
    """Whether logits are exactly the output embedding of the decoder's last hidden state, and nothing else is lost.

    Says no to mixtures of experts (their routers have a loss of their own) and to whatever fails the probe: the two
    ways of computing the logits of a few tokens are compared on this very model.
    """
    config = model.config.get_text_config()
    if any(getattr(config, name, None) not in (None, 1.0) for name in LOGIT_CHANGES):
        return False
    if hasattr(config, "output_router_logits") or model.get_output_embeddings() is None:
        return False
    decoder = model.base_model
    return decoder is not model and _same_logits(model, decoder)


@torch.no_grad()
def _same_logits(model: PreTrainedModel, decoder: torch.nn.Module) -> bool:
    training = model.training
    model.eval()
    ids = torch.arange(PROBE_TOKENS, device=model.device)[None] % model.get_input_embeddings().weight.shape[0]
    expected = model(input_ids=ids, use_cache=False).logits
    hidden = decoder(input_ids=ids, use_cache=False).last_hidden_state
    logits = model.get_output_embeddings()(hidden)
    model.train(training)
    return expected.shape == logits.shape and torch.allclose(expected.float(), logits.float(), rtol=1e-2, atol=1e-2)


class AnswersTrainer(RowTrainer, SFTTrainer):
    """SFTTrainer for rows that are tokenised and labelled already. Set `fast_loss` before training.

    `usual_labels` are the learnt tokens of a usual step. Where they are set a step's gradient is divided by them, not
    by the step's own number: each token then counts the same, whatever rows it shares a step with, and a step of short
    rows does not pull as hard as one of long ones. The loss that is reported stays the mean over the step's tokens.
    Rows of similar length share a step, so that is where they are set.
    """

    def training_step(
        self, model: torch.nn.Module, inputs: dict[str, Any], num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        if self.usual_labels is None or num_items_in_batch is None:
            loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)
            return loss
        usual_count = torch.tensor(self.usual_labels, device=self.args.device)
        loss = super().training_step(model, inputs, usual_count)
        return loss * usual_count / torch.as_tensor(num_items_in_batch).clamp(min=1)

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        inputs = dict(inputs)
        tokens, tokens_before = inputs.pop("tokens", None), self._total_train_tokens
        if not self.fast_loss or return_outputs:
            loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            if tokens is None:
                return loss  # TRL has counted
            self._total_train_tokens = tokens_before  # it counts one row of a packed batch
        else:
            loss = self._labelled_loss(model, inputs, inputs.pop("labels"), num_items_in_batch)
        self._count_tokens(inputs["attention_mask"] if tokens is None else tokens)
        return loss

    def _labelled_loss(
        self, model: Any, inputs: dict[str, Any], labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None
    ) -> torch.Tensor:
        """Cross-entropy over labelled positions, divided as TRL divides: by the labels of the whole step.

        A model that DDP wraps is called as a whole, so that it hears of the pass; DDP then takes the mean over the
        processes, and the labels are those of all of them.
        """
        if model is self.model:
            with self.accelerator.autocast():  # accelerate wraps the forward of the whole model, passed by here
                total_loss = labelled_sum(without_adapter(model), inputs, labels)
        else:
            total_loss = model(**inputs, labels=labels, labelled_only=True)["loss"] * self.accelerator.num_processes
        count = (labels[:, 1:] != NOT_LEARNT).sum() if num_items_in_batch is None else num_items_in_batch
        return total_loss / torch.as_tensor(count).clamp(min=1)

    def _count_tokens(self, real_tokens: torch.Tensor) -> None:
        """Real tokens learnt from so far, as TRL counts them; padding is not work done."""
        mode = "train" if self.model.training else "eval"
        if mode == "train":
            self._total_train_tokens += int(self.accelerator.gather(real_tokens.sum()).sum())
        self._metrics[mode]["num_tokens"] = [self._total_train_tokens]


def labelled_sum(model: PreTrainedModel, inputs: dict[str, Any], labels: torch.Tensor) -> torch.Tensor:
    """The cross-entropy of all labelled positions, added up."""
    targets = labels[:, 1:]
    learnt = targets != NOT_LEARNT
    hidden_states = unmasked.hidden(model, inputs)[:, :-1]
    (log_probs,) = frozen_head.read(model.get_output_embeddings(), hidden_states[learnt], targets[learnt])
    return -log_probs.sum()


def add_labelled_sum(model: PreTrainedModel) -> None:
    """Lets the model give `labelled_sum` when it is called with `labelled_only`, for what wraps it and has to hear.

    Every other call goes where it went.
    """
    original_forward = model.forward

    @wraps(type(model).forward)  # `generate` looks at the signature
    def forward(self: Any, *args: Any, labelled_only: bool = False, **kwargs: Any) -> Any:
        if not labelled_only:
            return original_forward(*args, **kwargs)
        inputs = {name: value for name, value in kwargs.items() if value is not None}
        return {"loss": labelled_sum(self, inputs, inputs.pop("labels"))}

    model.forward = MethodType(forward, model)


def without_adapter(model: torch.nn.Module) -> PreTrainedModel:
    """The transformers model inside a PEFT model, its layers still adapted; any other model as it is."""
    return model.get_base_model() if isinstance(model, PeftModel) else model
