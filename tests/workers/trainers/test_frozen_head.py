"""A head that is not trained says what any head says, and gives the same gradient."""

import pytest
import torch
from torch import nn

from engine.workers.trainers import frozen_head, head_parts

WIDTH, WORDS = 16, 50


def head(frozen: bool, bias: bool = False) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(WIDTH, WORDS, bias=bias).requires_grad_(not frozen)


def said(frozen: bool, temperature: float, bias: bool = False, rows: int = 20) -> tuple[list[torch.Tensor], bool]:
    """What is said about some rows, a gradient by the hidden states, and whether autograd keeps the logits."""
    torch.manual_seed(1)
    hidden = torch.randn(rows, WIDTH, requires_grad=True)
    found = frozen_head.read(head(frozen, bias), hidden, torch.arange(rows) % WORDS, temperature, details=True)
    (found[0] * torch.linspace(-1, 2, rows)).sum().backward()
    assert hidden.grad is not None
    return [*(one.detach() for one in found), hidden.grad], "Frozen" not in str(found[0].grad_fn)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("bias", [False, True])
def test_it_says_what_a_trained_head_says(temperature: float, bias: bool) -> None:
    expected, keeps = said(False, temperature, bias)
    found, kept = said(True, temperature, bias)
    assert (keeps, kept) == (True, False)
    assert len(found) == len(expected) == 5
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        assert torch.allclose(one.float(), other.float(), rtol=1e-4, atol=1e-5)


def test_it_says_the_same_part_by_part_and_slice_by_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _ = said(True, 1.0)
    monkeypatch.setattr(head_parts, "CPU_BYTES", 1)
    monkeypatch.setattr(head_parts, "FEWEST", 7)
    monkeypatch.setattr(frozen_head, "SLICE_BYTES", 4 * WORDS * 3)
    found, _ = said(True, 1.0)
    assert all(
        torch.allclose(one.float(), other.float(), atol=1e-6) for one, other in zip(found, expected, strict=True)
    )


def test_without_labels_it_says_nothing() -> None:
    hidden = torch.randn(0, WIDTH, requires_grad=True)
    (found,) = frozen_head.read(head(True), hidden, torch.zeros(0, dtype=torch.long))
    found.sum().backward()
    assert hidden.grad is not None
    assert hidden.grad.shape == (0, WIDTH)


def test_what_is_not_a_plain_layer_keeps_its_own_way() -> None:
    class Louder(nn.Linear):  # type: ignore[misc]
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(inputs)

    torch.manual_seed(0)
    loud = Louder(WIDTH, WORDS, bias=False).requires_grad_(False)
    hidden = torch.randn(4, WIDTH)
    (found,) = frozen_head.read(loud, hidden, torch.arange(4))
    assert torch.allclose(found, (2 * hidden @ loud.weight.T).log_softmax(-1)[torch.arange(4), torch.arange(4)])


def test_under_autocast_the_gradient_is_that_of_the_exact_one_but_for_rounding() -> None:
    exact, _ = said(True, 1.0)
    torch.manual_seed(1)
    hidden = torch.randn(20, WIDTH, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        (found,) = frozen_head.read(head(True).bfloat16(), hidden, torch.arange(20))
    (found * torch.linspace(-1, 2, 20)).sum().backward()
    assert found.dtype == torch.float32
    assert "Frozen" in str(found.grad_fn)
    assert hidden.grad is not None
    assert (hidden.grad - exact[-1]).norm() < 0.02 * exact[-1].norm()
