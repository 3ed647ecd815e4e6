"""In which precision a tensor is computed with."""

import torch


def computes_in(tensor: torch.Tensor) -> torch.dtype:
    """What autocast makes of it where that is on for its device, else its own."""
    device = tensor.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else tensor.dtype
