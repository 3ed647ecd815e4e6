"""The LM head at many positions, in parts where the logits of all of them would take too much memory.

A part is computed again for its gradient, so that only one part's logits are there at a time. With as many as fit,
nothing is computed twice.
"""

from collections.abc import Callable

import torch
from torch.utils.checkpoint import checkpoint

CPU_BYTES = 1 << 30  # of float32 logits at once; their gradient and softmax come on top
GPU_SHARE = 16  # the sixteenth part of the GPU's memory
FEWEST = 64  # positions in a part: matrix products of fewer are slow

Read = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, ...]]


def in_parts(read: Read, hidden: torch.Tensor, targets: torch.Tensor, vocabulary: int) -> tuple[torch.Tensor, ...]:
    """`read(hidden, targets)`, tensors of (n,), for hidden (n, width) and targets (n,); part by part where needed."""
    size = positions_at_once(hidden.device, vocabulary)
    if len(targets) <= size:
        return read(hidden, targets)
    pairs = zip(hidden.split(size), targets.split(size), strict=True)
    parts = [checkpoint(read, hidden_part, target_part, use_reentrant=False) for hidden_part, target_part in pairs]
    return tuple(torch.cat(tensors) for tensors in zip(*parts, strict=True))


def positions_at_once(device: torch.device, vocabulary: int) -> int:
    """Positions whose logits may be in memory together."""
    return max(FEWEST, _most_bytes(device) // (4 * vocabulary))


def _most_bytes(device: torch.device) -> int:
    if device.type != "cuda":
        return CPU_BYTES
    return int(torch.cuda.get_device_properties(device).total_memory // GPU_SHARE)
