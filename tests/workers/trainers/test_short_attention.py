"""Attention over short rows is transformers' own but for rounding, and only where it may be."""

from typing import Any

import pytest
import torch
from torch import nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.modeling_utils import AttentionInterface

from engine.workers.trainers import short_attention
from tests.workers.trainers.families import FAMILIES, random_model
from tests.workers.trainers.graph import gradient_functions

Tensors = list[torch.Tensor]


class Layer(nn.Module):  # type: ignore[misc]
    """What transformers asks of an attention layer."""

    is_causal = True
    num_key_value_groups = 2


def heads(tokens: int = 12, dtype: torch.dtype = torch.bfloat16) -> Tensors:
    """Query, key and value of two rows, with four heads over two keys."""
    torch.manual_seed(0)
    shapes = ((2, 4, tokens, 8), (2, 2, tokens, 8), (2, 2, tokens, 8))
    return [torch.randn(shape).to(dtype).requires_grad_() for shape in shapes]


def computed(attention: Any, tensors: Tensors, mask: torch.Tensor | None = None, **kwargs: Any) -> tuple[Tensors, bool]:
    """Result and gradients in float32, and whether ours computed it."""
    output, _ = attention(Layer(), *tensors, mask, **kwargs)
    ours = any("Causal" in name for name in gradient_functions(output))
    (output.float() * torch.linspace(-1, 1, output.numel()).view(output.shape)).sum().backward()
    return [output.detach().float(), *(tensor.grad.float() for tensor in tensors if tensor.grad is not None)], ours


@pytest.mark.parametrize("scaling", [None, 0.3])
def test_result_and_gradients_are_as_close_to_the_exact_ones_as_torchs(scaling: float | None) -> None:
    exact, _ = computed(sdpa_attention_forward, heads(dtype=torch.float32), scaling=scaling)
    torchs, _ = computed(sdpa_attention_forward, heads(), scaling=scaling)
    actual, ours = computed(short_attention.attention, heads(), scaling=scaling)
    assert ours
    assert len(actual) == len(exact) == 4
    for left, right, reference in zip(actual, torchs, exact, strict=True):
        assert (left - reference).norm() < 1.3 * (right - reference).norm() + 1e-3 * reference.norm()


@pytest.mark.parametrize(
    ("asked", "kwargs"),
    [
        (heads(short_attention.LONGEST + 1), {}),
        (heads(dtype=torch.float32), {}),
        (heads(), {"mask": torch.ones(2, 1, 12, 12, dtype=torch.bool)}),
        (heads(), {"is_causal": False}),
        (heads(), {"dropout": 0.1}),
    ],
    ids=["long", "float32", "a mask", "not causal", "dropout"],
)
def test_everything_else_stays_with_transformers(asked: Tensors, kwargs: dict[str, Any]) -> None:
    torch.manual_seed(1)
    _, ours = computed(short_attention.attention, asked, **kwargs)
    assert not ours


def test_a_pass_without_a_gradient_has_the_same_bits() -> None:
    query, key, value = heads()
    output, _ = short_attention.attention(Layer(), query, key, value, None)
    with torch.no_grad():
        output_without_gradient, _ = short_attention.attention(Layer(), query, key, value, None)
    assert torch.equal(output, output_without_gradient)


def passed(bf16: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of a row by a model, and the gradient of its first weights."""
    model = random_model(FAMILIES["llama"]).train()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        logits = model(input_ids=torch.arange(20)[None]).logits.float()
    logits.sin().sum().backward()
    return logits.detach(), model.get_input_embeddings().weight.grad


def test_a_model_computes_that_way_under_autocast_once_it_is_put(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(AttentionInterface._global_mapping, "sdpa", sdpa_attention_forward)
    exact, torchs = passed(bf16=False), passed(bf16=True)
    short_attention.enable()
    actual = passed(bf16=True)
    assert not torch.equal(actual[1], torchs[1])  # another way, so other roundings
    for left, right, reference in zip(actual, torchs, exact, strict=True):
        assert (left - reference).norm() < 1.3 * (right - reference).norm()
