"""What computed a tensor."""

from typing import Any

import torch


def gradient_functions(tensor: torch.Tensor) -> list[str]:
    """The functions behind a tensor, by the names of their gradients."""
    seen: dict[Any, None] = {}
    waiting = [tensor.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen[node] = None
            waiting += [earlier for earlier, _ in node.next_functions]
    return [node.name() for node in seen]
