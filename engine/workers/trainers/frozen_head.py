"""What an LM head says about its targets; where the head is not trained, with the gradient made on the way.

Autograd would keep the logits of all positions, and their softmax in float32, until the gradient is asked for. A head
that is not trained needs neither: a log-probability's gradient by its own logits is known as soon as they are (one at
the target, less the softmax), so it is brought back to the hidden states at once and the logits are forgotten.
"""

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from engine.workers.trainers.autocasting import computes_in
from engine.workers.trainers.head_parts import in_parts, positions_at_once

SLICE_BYTES = 4 << 20  # of float32 logits that stay in a CPU's cache while the softmax passes over them

Readings = tuple[torch.Tensor, ...]


def read(
    head: nn.Module, hidden: torch.Tensor, targets: torch.Tensor, temperature: float = 1.0, details: bool = False
) -> Readings:
    """The log-probability of each target, float32 (n,), for hidden (n, width) and targets (n,).

    `temperature` divides the logits. With `details` also, without a gradient: the entropy and the mean logit at each
    position, and whether the target has the highest.
    """
    dtype = computes_in(hidden)
    if _frozen(head) and head.weight.dtype == dtype:
        return tuple(_Frozen.apply(hidden.to(dtype), head, targets, temperature, details))
    read_part = partial(_with_autograd, head, temperature, details)
    return in_parts(read_part, hidden, targets, head.weight.shape[0])


def _frozen(head: nn.Module) -> bool:
    return type(head) is nn.Linear and not any(weight.requires_grad for weight in head.parameters())


def _with_autograd(
    head: nn.Module, temperature: float, details: bool, hidden: torch.Tensor, targets: torch.Tensor
) -> Readings:
    logits = head(hidden).float() / temperature
    log_probs = -functional.cross_entropy(logits, targets, reduction="none")
    if not details:
        return (log_probs,)
    with torch.no_grad():
        normed = logits.log_softmax(-1)
        entropy = -(normed.exp() * normed).sum(-1)
        return log_probs, entropy, logits.mean(-1), logits.argmax(-1) == targets


class _Frozen(torch.autograd.Function):
    """As `_with_autograd`, for a linear head that is not trained."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        head: nn.Linear,
        targets: torch.Tensor,
        temperature: float,
        details: bool,
    ) -> Readings:
        wants_gradient = ctx.needs_input_grad[0]
        size = positions_at_once(hidden.device, head.out_features)
        readings, grads = [], []
        for hidden_part, target_part in zip(hidden.split(size), targets.split(size), strict=True):
            logits = head(hidden_part)
            readings += _scan(logits, target_part, temperature, details, wants_gradient)
            if wants_gradient:
                grads.append(logits @ head.weight)
        ctx.save_for_backward(torch.cat(grads).div_(temperature) if grads else None)
        joined = tuple(torch.cat(tensors) for tensors in zip(*readings, strict=True))
        ctx.mark_non_differentiable(*joined[1:])
        return joined

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_log_probs: torch.Tensor, *_: torch.Tensor) -> tuple[Any, ...]:
        (hidden_grad,) = ctx.saved_tensors
        return (hidden_grad * grad_log_probs[:, None].to(hidden_grad.dtype), *[None] * 4)


def _scan(
    logits: torch.Tensor, targets: torch.Tensor, temperature: float, details: bool, wants_gradient: bool
) -> list[Readings]:
    """Readings of each slice; with `wants_gradient`, `logits` become the gradient of the log-probabilities by them."""
    rows = len(logits) if logits.is_cuda else max(1, SLICE_BYTES // (4 * logits.shape[1]))
    readings = []
    for logits_part, target_part in zip(logits.split(rows), targets.split(rows), strict=True):
        scores = logits_part.float() if temperature == 1 else logits_part.float() / temperature
        reading, probabilities = _softmax(scores, target_part[:, None], details)
        readings.append(reading)
        if wants_gradient:
            logits_part.copy_(
                probabilities.neg_().scatter_add_(1, target_part[:, None], torch.ones_like(probabilities[:, :1]))
            )
    return readings


def _softmax(scores: torch.Tensor, targets: torch.Tensor, details: bool) -> tuple[Readings, torch.Tensor]:
    """What is said of a slice, and the softmax of its scores, which are used up."""
    highest = scores.max(-1, keepdim=True)
    mean = scores.mean(-1) if details else None
    scores -= highest.values
    target_scores = scores.gather(1, targets)[:, 0]
    probabilities = scores.exp() if details else scores.exp_()
    totals = probabilities.sum(-1, keepdim=True)
    log_probs = target_scores - totals.log()[:, 0]
    probabilities /= totals
    if mean is None:
        return (log_probs,), probabilities
    entropy = totals.log()[:, 0] - torch.linalg.vecdot(probabilities, scores)
    return (log_probs, entropy, mean, highest.indices == targets), probabilities
