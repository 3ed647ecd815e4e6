"""Log-probabilities at the labelled positions alone, for the methods that compare answers.

On a CPU, TRL 1.16 applies the LM head at every position in chunks, and again for the gradient. Here it runs once, where
there is something to score. The numbers are TRL's (tests/workers/test_preference_losses.py).
"""

import functools
import types
from typing import Any

import torch
from torch.nn import functional
from transformers import PreTrainedModel
from trl.trainer.utils import FusedCausalLMOutput

NOT_LEARNT = -100


def scored(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Log-probability of each target: (n,) for logits (n, vocabulary)."""
    return -functional.cross_entropy(logits.float(), targets, reduction="none")


def spread(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Values of the labelled positions at their places in (rows, tokens), zero elsewhere."""
    return values.new_zeros(mask.shape).masked_scatter(mask, values)


def add_fast_head(model: PreTrainedModel) -> None:
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
        logits = self.get_output_embeddings()(hidden[mask]).float()
        return _output(logits, labels, mask)

    model.forward = types.MethodType(forward, model)


def _output(logits: torch.Tensor, labels: torch.Tensor, mask: torch.Tensor) -> FusedCausalLMOutput:
    """What TRL's head gives, for its metrics too."""
    log_probs = scored(logits, labels[mask])
    with torch.no_grad():
        spread_logits = logits.log_softmax(-1)
        entropy = -(spread_logits.exp() * spread_logits).sum(-1)
        top = logits.argmax(-1) == labels[mask]
        mean = logits.mean(-1)
    return FusedCausalLMOutput(
        loss=-log_probs.sum() / mask.sum().clamp(min=1),
        log_probs=spread(log_probs, mask),
        entropy=spread(entropy, mask),
        mean_logits=spread(mean, mask),
        is_top1=spread(top, mask),
        label_mask=mask,
    )
