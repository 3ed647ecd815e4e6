"""Attention over short rows on a CPU that computes in bfloat16: whole matrices instead of torch's blocks.

torch 2.13 walks through attention block by block, so that no (tokens, tokens) matrix is ever kept. On a CPU its way
back takes most of the time, and with short rows the matrices are small: kept, they halve what attention takes in a
training step. Longer rows, masks and everything else stay with transformers' `sdpa`; the numbers are the same but for
rounding (tests/workers/trainers/test_short_attention.py). Passes without a gradient go this way too: a reference that
is rounded otherwise would differ from the model it is held against before anything is learnt.
"""

from functools import lru_cache
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.modeling_utils import AttentionInterface

from engine.workers.trainers.autocasting import computes_in

LONGEST = 512  # tokens; beyond, the matrices take more memory than they save time


def enable() -> None:
    """Lets every model of this process whose attention is `sdpa` compute it this way where it can."""
    AttentionInterface.register("sdpa", attention)


def attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """As transformers' function of that name: (rows, tokens, heads, width) for (rows, heads, tokens, width)."""
    if attention_mask is None and _is_short(query, key, value) and _is_plain_causal(module, kwargs):
        scaling = kwargs.get("scaling") or query.shape[-1] ** -0.5
        bf16 = torch.bfloat16
        return _Causal.apply(query.to(bf16), key.to(bf16), value.to(bf16), scaling).transpose(1, 2).contiguous(), None
    output: tuple[torch.Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    return output


def _is_short(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> bool:
    return (
        query.device.type == "cpu"
        and computes_in(query) == torch.bfloat16
        and 1 < query.shape[2] <= LONGEST
        and query.shape[2:] == key.shape[2:] == value.shape[2:]
    )


def _is_plain_causal(module: torch.nn.Module, options: dict[str, Any]) -> bool:
    causal = options.get("is_causal")
    changes = ("dropout", "softcap", "position_bias", "cache", "output_attentions", "s_aux")
    return (getattr(module, "is_causal", True) if causal is None else causal) and not any(map(options.get, changes))


@lru_cache(maxsize=8)
def _future_mask(tokens: int) -> torch.Tensor:
    """True where a token would see one behind it: (tokens, tokens)."""
    return torch.ones(tokens, tokens, dtype=torch.bool).triu(1)


class _Causal(torch.autograd.Function):
    """Heads that share keys and values are rows of one product."""

    @staticmethod
    def forward(ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float) -> torch.Tensor:
        rows, kv_heads, tokens, width = key.shape
        queries = (query * scaling).reshape(rows * kv_heads, -1, width)
        keys, values = key.reshape(-1, tokens, width), value.reshape(-1, tokens, width)
        scores = torch.bmm(queries, keys.transpose(1, 2))
        scores.view(-1, tokens, tokens).masked_fill_(_future_mask(tokens), float("-inf"))
        probabilities = scores.softmax(-1)
        ctx.save_for_backward(queries, keys, values, probabilities)
        ctx.scaling = scaling
        return torch.bmm(probabilities, values).view(query.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, None]:
        queries, keys, values, probabilities = ctx.saved_tensors
        rows, _, tokens, width = grad_output.shape
        flat_grad = grad_output.reshape(queries.shape)
        grad_values = torch.bmm(probabilities.transpose(1, 2), flat_grad)
        grad_probabilities = torch.bmm(flat_grad, values.transpose(1, 2))
        grad_scores = torch._softmax_backward_data(grad_probabilities, probabilities, -1, probabilities.dtype)
        grad_query = torch.bmm(grad_scores, keys).mul_(ctx.scaling).view(grad_output.shape)
        grad_keys = torch.bmm(grad_scores.transpose(1, 2), queries)
        return grad_query, grad_keys.view(rows, -1, tokens, width), grad_values.view(rows, -1, tokens, width), None
