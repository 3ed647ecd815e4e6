"""LoRA on plain linear layers without the detours: one addition into the layer's own product, forward and back.

PEFT casts the input of a layer to the float32 of the adapter, which autocast casts back, and keeps both; product,
scaling and sum are passes of their own over all activations. The numbers here are PEFT's, but for rounding
(tests/workers/trainers/test_lean_lora.py), with less time and memory.
"""

from types import MethodType
from typing import Any

import torch
from peft.tuners.lora import Linear as LoraLinear
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from engine.workers.trainers.autocasting import computes_in


def enable(model: nn.Module) -> None:
    """Makes the LoRA layers of `model` compute this way wherever they are plain; others stay as PEFT has made them."""
    for module in model.modules():
        if type(module) is LoraLinear and type(module.base_layer) is nn.Linear:
            module.forward = MethodType(_forward, module)


def disable(model: nn.Module) -> None:
    """Lets PEFT compute again."""
    for module in model.modules():
        if isinstance(module, LoraLinear) and "forward" in vars(module):
            del module.forward


def _forward(self: LoraLinear, inputs: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    name, dtype = self.active_adapters[0], computes_in(inputs)
    if args or kwargs or not _is_plain(self, dtype):
        return LoraLinear.forward(self, inputs, *args, **kwargs)
    down, up = self.lora_A[name].weight, self.lora_B[name].weight
    output: torch.Tensor = _Added.apply(
        inputs.to(dtype), self.base_layer, down.to(dtype), up.to(dtype), self.scaling[name]
    )
    return output


def _is_plain(layer: LoraLinear, dtype: torch.dtype) -> bool:
    """Whether one adapter of the usual form is in force, over a frozen weight that is computed with as it is."""
    (name, *others), base = layer.active_adapters, layer.base_layer
    return (
        not others
        and not layer.disable_adapters
        and not layer.merged
        and name in layer.lora_A
        and name not in layer.lora_variant
        and isinstance(layer.lora_dropout[name], nn.Identity)
        and layer.lora_B[name].bias is None
        and base.weight.dtype == dtype
        and not any(weight.requires_grad for weight in base.parameters())
    )


class _Added(torch.autograd.Function):
    """layer(inputs) + scaling * inputs @ down.T @ up.T, with a frozen layer."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: torch.Tensor,
        layer: nn.Linear,
        down: torch.Tensor,
        up: torch.Tensor,
        scaling: float,
    ) -> torch.Tensor:
        rows = inputs.reshape(-1, inputs.shape[-1])
        low_rank = rows @ down.T
        output = functional.linear(rows, layer.weight, layer.bias).addmm_(low_rank, up.T, alpha=scaling)
        ctx.save_for_backward(rows, layer.weight, down, up, low_rank)
        ctx.scaling = scaling
        return output.view(*inputs.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[Any, ...]:
        rows, weight, down, up, low_rank = ctx.saved_tensors
        flat_grad = grad_output.reshape(-1, grad_output.shape[-1])
        grad_low_rank = (flat_grad @ up).mul_(ctx.scaling)
        grad_inputs = None
        if ctx.needs_input_grad[0]:
            grad_inputs = (flat_grad @ weight).addmm_(grad_low_rank, down).view(*grad_output.shape[:-1], -1)
        grad_up = (flat_grad.T @ low_rank).mul_(ctx.scaling) if ctx.needs_input_grad[3] else None
        grad_down = grad_low_rank.T @ rows if ctx.needs_input_grad[2] else None
        return grad_inputs, None, grad_down, grad_up, None
