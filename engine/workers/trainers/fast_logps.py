"""Log-probabilities at the labelled positions alone, for the methods that compare or weigh answers.

On a CPU, TRL 1.16 applies the LM head at every position in chunks, and again for the gradient. Here it runs once, where
there is something to score. The numbers are TRL's (tests/workers/trainers/test_preference_losses.py). On a GPU TRL's
own head stays: there it works on labelled positions too, in kernels that keep no logits.
"""

import functools
import types
from typing import Any

import torch
from accelerate.utils import DistributedType
from transformers import PreTrainedModel
from trl.trainer.utils import FusedCausalLMOutput

from engine.workers.trainers import frozen_head, unmasked
from engine.workers.trainers.fast_sft import allows_fast_loss, without_adapter

NOT_LEARNT = -100
WHOLE = (DistributedType.NO, DistributedType.MULTI_CPU)  # alone, or wrapped by DDP, which hears of every pass


def spread(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Values of the labelled positions at their places in (rows, tokens), zero elsewhere."""
    return values.new_zeros(mask.shape).masked_scatter(mask, values)


def make_fast(trainer: Any, temperature: float = 1.0) -> None:
    """Gives the trainer's model, and its reference where there is one, the fast head, if they allow it.

    `temperature` divides the logits, as in the trainer's own head.
    """
    base = without_adapter(trainer.model)
    on_cpu = trainer.args.use_cpu and trainer.accelerator.distributed_type in WHOLE
    if not on_cpu or trainer.fast_loss or not allows_fast_loss(base):
        return
    add_fast_head(base, temperature)
    reference = getattr(trainer, "ref_model", None)  # not every trainer of TRL knows one
    if reference is not None:
        add_fast_head(reference, temperature)
    trainer.fast_loss = True


def add_fast_head(model: PreTrainedModel, temperature: float = 1.0) -> None:
    """Puts this way of scoring in the place of the fused head that TRL has given to the model.

    The model must be one that `fast_sft.allows_fast_loss` says yes to. Every other call goes where it went.
    """
    original_forward = model.forward

    @functools.wraps(type(model).forward)  # `generate` looks at the signature
    def forward(self: Any, *args: Any, fused_lm_head: bool = False, **kwargs: Any) -> Any:
        if not fused_lm_head:
            return original_forward(*args, **kwargs)
        labels = kwargs.pop("labels")[:, 1:]
        kwargs.pop("use_cache", None)
        hidden_states = unmasked.hidden(self, kwargs)[:, :-1]
        mask = labels != NOT_LEARNT
        head = self.get_output_embeddings()
        return _output(frozen_head.read(head, hidden_states[mask], labels[mask], temperature, details=True), mask)

    model.forward = types.MethodType(forward, model)


def _output(readings: frozen_head.Readings, mask: torch.Tensor) -> FusedCausalLMOutput:
    """What TRL's head gives at each position."""
    log_probs, entropy, mean, is_top = readings
    return FusedCausalLMOutput(
        loss=-log_probs.sum() / mask.sum().clamp(min=1),
        log_probs=spread(log_probs, mask),
        entropy=spread(entropy, mask),
        mean_logits=spread(mean, mask),
        is_top1=spread(is_top, mask),
        label_mask=mask,
    )
