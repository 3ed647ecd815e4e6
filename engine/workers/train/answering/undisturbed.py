"""A model in training lent for a moment: afterwards everything is as it was, to the last bit.

Dropout off and on again module by module, random numbers, a compiled decoder, and the weights themselves where those of
the start are put in for a moment. So losses are the same with answers and without (a test).
"""

import random
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy
import torch

MOST_KEPT_BYTES = 1 << 30  # of weights put aside at the start: copying them takes well below a second

Weights = Mapping[str, torch.Tensor]


@contextmanager
def lent(trainer: Any, weights: Weights | None = None) -> Iterator[Any]:
    """The trainer's model ready to answer, with `weights` in place of its own for as long as the block lasts."""
    model = trainer.model
    with ExitStack() as stack:
        stack.enter_context(_random_numbers(trainer.accelerator.device))
        stack.enter_context(_evaluating(model))
        stack.enter_context(_not_compiled(model))
        if weights is not None:
            stack.enter_context(_other_weights(model, weights))
        # No inference mode: what a model keeps from such a pass, a later one with gradients could not use.
        stack.enter_context(torch.no_grad())
        stack.enter_context(trainer.accelerator.autocast())
        yield model


def trained_weights(model: torch.nn.Module) -> Weights | None:
    """A copy of all weights that are trained, in the computer's memory; None where that is too much."""
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    if sum(weight.nbytes for weight in trained.values()) > MOST_KEPT_BYTES:
        return None
    return {name: weight.detach().to("cpu", copy=True) for name, weight in trained.items()}


@contextmanager
def _random_numbers(device: torch.device) -> Iterator[None]:
    drawn = random.getstate(), numpy.random.get_state(), torch.get_rng_state()
    on_device = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    try:
        yield
    finally:
        random.setstate(drawn[0])
        numpy.random.set_state(drawn[1])
        torch.set_rng_state(drawn[2])
        if on_device is not None:
            torch.cuda.set_rng_state(on_device, device)


@contextmanager
def _evaluating(model: torch.nn.Module) -> Iterator[None]:
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


@contextmanager
def _not_compiled(model: torch.nn.Module) -> Iterator[None]:
    """An answer grows by one token at a time: compiled code would be made anew for its cache, which takes minutes."""
    compiled = [(module, call) for module in model.modules() if (call := module._compiled_call_impl) is not None]
    for module, _ in compiled:
        module._compiled_call_impl = None
    try:
        yield
    finally:
        for module, call in compiled:
            module._compiled_call_impl = call


@contextmanager
def _other_weights(model: torch.nn.Module, weights: Weights) -> Iterator[None]:
    own = {name: weight for name, weight in model.named_parameters() if name in weights}
    trained = {name: weight.detach().clone() for name, weight in own.items()}
    try:
        with torch.no_grad():
            for name, weight in own.items():
                weight.copy_(weights[name])
        yield
    finally:
        with torch.no_grad():
            for name, weight in own.items():
                weight.copy_(trained[name])
