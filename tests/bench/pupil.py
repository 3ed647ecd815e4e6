"""A pupil for gkd: a model that knows less than its teacher, made from the teacher."""

import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

SHARE = 0.2  # of the spread of each matrix


def shaken(model: Path, folder: Path) -> Path:
    """A copy of the model in `folder`, each matrix with noise of a fifth of its own spread; always the same."""
    shutil.copytree(model, folder)
    chance = torch.Generator().manual_seed(0)
    for file in folder.glob("*.safetensors"):
        weights = load_file(file)
        for name, tensor in weights.items():
            if tensor.dim() > 1:
                noise = torch.randn(tensor.shape, generator=chance) * tensor.float().std() * SHARE
                weights[name] = (tensor.float() + noise).to(tensor.dtype)
        save_file(weights, file, metadata={"format": "pt"})
    return folder
