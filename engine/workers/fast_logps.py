"""Log-probabilities at the labelled positions alone, for the methods that compare or weigh answers.

On a CPU, TRL 1.16 applies the LM head at every position in chunks, and again for the gradient. Here it runs once, where
there is something to score. The numbers are TRL's (tests/workers/test_preference_losses.py). On a GPU TRL's own head
stays: there it works on labelled positions too, in kernels that keep no logits.
"""

import functools
import types
from typing import Any

import torch
from accelerate.utils import DistributedType
from torch.nn import functional
from transformers import PreTrainedModel
from trl.trainer.utils import FusedCausalLMOutput

from engine.workers.fast_loss import allows_fast_loss, without_adapter
from engine.workers.head_parts import in_parts

NOT_LEARNT = -100
WHOLE = (DistributedType.NO, DistributedType.MULTI_CPU)  # alone, or wrapped by DDP, which hears of every pass


def scored(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Log-probability of each target: (n,) for logits (n, vocabulary)."""
    return -functional.cross_entropy(logits.float(), targets, reduction="none")


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

    The model must be one that `fast_loss.allows_fast_loss` says yes to. Every other call goes where it went.
    """
    others = model.forward

    @functools.wraps(type(model).forward)  # `generate` looks at the signature
    def forward(self: Any, *args: Any, fused_lm_head: bool = False, **kwargs: Any) -> Any:
        if not fused_lm_head:
            return others(*args, **kwargs)
        labels = kwargs.pop("labels")[:, 1:]
        kwargs["use_cache"] = False
        hidden = self.base_model(*args, **kwargs).last_hidden_state[:, :-1]
        mask = labels != NOT_LEARNT
        head = self.get_output_embeddings()
        read = functools.partial(_read, head, temperature)
        return _output(in_parts(read, hidden[mask], labels[mask], head.weight.shape[0]), mask)

    model.forward = types.MethodType(forward, model)


def _read(
    head: torch.nn.Module, temperature: float, hidden: torch.Tensor, targets: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    """What TRL's head gives at each position: log-probability, entropy, mean logit, whether the target is the best."""
    logits = head(hidden).float() / temperature
    log_probs = scored(logits, targets)
    with torch.no_grad():
        normed = logits.log_softmax(-1)
        entropy = -(normed.exp() * normed).sum(-1)
        return log_probs, entropy, logits.mean(-1), (logits.argmax(-1) == targets)


def _output(found: tuple[torch.Tensor, ...], mask: torch.Tensor) -> FusedCausalLMOutput:
    log_probs, entropy, mean, top = found
    return FusedCausalLMOutput(
        loss=-log_probs.sum() / mask.sum().clamp(min=1),
        log_probs=spread(log_probs, mask),
        entropy=spread(entropy, mask),
        mean_logits=spread(mean, mask),
        is_top1=spread(top, mask),
        label_mask=mask,
    )
