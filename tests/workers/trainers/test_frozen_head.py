"""A head that is not trained says what any head says, and gives the same gradient."""

import pytest
import torch
from torch import nn

from engine.workers.trainers import frozen_head, head_parts

WIDTH, VOCABULARY = 16, 50


def head(frozen: bool, bias: bool = False) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(WIDTH, VOCABULARY, bias=bias).requires_grad_(not frozen)


def reading(frozen: bool, temperature: float, bias: bool = False, rows: int = 20) -> tuple[list[torch.Tensor], bool]:
    """What is said about some rows, a gradient by the hidden states, and whether autograd keeps the logits."""
    torch.manual_seed(1)
    hidden = torch.randn(rows, WIDTH, requires_grad=True)
    readings = frozen_head.read(head(frozen, bias), hidden, torch.arange(rows) % VOCABULARY, temperature, details=True)
    (readings[0] * torch.linspace(-1, 2, rows)).sum().backward()
    assert hidden.grad is not None
    return [*(tensor.detach() for tensor in readings), hidden.grad], "Frozen" not in str(readings[0].grad_fn)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("bias", [False, True])
def test_it_says_what_a_trained_head_says(temperature: float, bias: bool) -> None:
    expected, unfrozen_keeps = reading(False, temperature, bias)
    actual, frozen_keeps = reading(True, temperature, bias)
    assert (unfrozen_keeps, frozen_keeps) == (True, False)
    assert len(actual) == len(expected) == 5
    for left, right in zip(actual, expected, strict=True):
        assert left.dtype == right.dtype
        assert torch.allclose(left.float(), right.float(), rtol=1e-4, atol=1e-5)


def test_it_says_the_same_part_by_part_and_slice_by_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _ = reading(True, 1.0)
    monkeypatch.setattr(head_parts, "CPU_BYTES", 1)
    monkeypatch.setattr(head_parts, "FEWEST", 7)
    monkeypatch.setattr(frozen_head, "SLICE_BYTES", 4 * VOCABULARY * 3)
    actual, _ = reading(True, 1.0)
    assert all(
        torch.allclose(left.float(), right.float(), atol=1e-6) for left, right in zip(actual, expected, strict=True)
    )


def test_without_labels_it_says_nothing() -> None:
    hidden = torch.randn(0, WIDTH, requires_grad=True)
    (log_probs,) = frozen_head.read(head(True), hidden, torch.zeros(0, dtype=torch.long))
    log_probs.sum().backward()
    assert hidden.grad is not None
    assert hidden.grad.shape == (0, WIDTH)


def test_what_is_not_a_plain_layer_keeps_its_own_way() -> None:
    class Louder(nn.Linear):  # type: ignore[misc]
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(inputs)

    torch.manual_seed(0)
    loud = Louder(WIDTH, VOCABULARY, bias=False).requires_grad_(False)
    hidden = torch.randn(4, WIDTH)
    (log_probs,) = frozen_head.read(loud, hidden, torch.arange(4))
    assert torch.allclose(log_probs, (2 * hidden @ loud.weight.T).log_softmax(-1)[torch.arange(4), torch.arange(4)])


def test_under_autocast_the_gradient_is_that_of_the_exact_one_but_for_rounding() -> None:
    exact, _ = reading(True, 1.0)
    torch.manual_seed(1)
    hidden = torch.randn(20, WIDTH, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        (log_probs,) = frozen_head.read(head(True).bfloat16(), hidden, torch.arange(20))
    (log_probs * torch.linspace(-1, 2, 20)).sum().backward()
    assert log_probs.dtype == torch.float32
    assert "Frozen" in str(log_probs.grad_fn)
    assert hidden.grad is not None
    assert (hidden.grad - exact[-1]).norm() < 0.02 * exact[-1].norm()
