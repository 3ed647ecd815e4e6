"""Whether a checkpoint fits onto the disk: asked before it is written, so that none is ever half there for that reason.

Beside the checkpoint a reserve stays free for the database, the log and the word that the disk is full.
"""

import shutil
import time
from pathlib import Path
from typing import Any

import torch

from engine import sizes
from engine.workers import diagnosis, group, ranks
from engine.workers.contract import WorkFailedError

RESERVE_BYTES = 256 << 20
BESIDES_BYTES = 20 << 20  # of a checkpoint: tokenizer, random state, log
LEAST_SHARE = 0.125  # of the reserve, that stays free even when a last checkpoint is written into it
SECONDS_BETWEEN_LOOKS = 10


class DiskSpace:
    """The disk under `out`, as a training uses it."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.needed = 0  # bytes of the next checkpoint
        self.written = 0  # bytes of the last one
        self.last_look = time.monotonic()
        self.full = False

    def free(self) -> int:
        return shutil.disk_usage(self.out).free

    def is_filling(self) -> bool:
        """Whether somebody fills the disk, so that it is time to save while that is possible. Looks now and then."""
        if self.full or not ranks.first() or time.monotonic() - self.last_look < SECONDS_BETWEEN_LOOKS:
            return False
        self.last_look = time.monotonic()
        self.full = self.free() < RESERVE_BYTES + self.written
        return self.full

    def expects(self, model: Any, optimizer: Any) -> None:
        """Measures what the next checkpoint will take: the trained weights, and what the optimiser keeps."""
        trained_bytes = (
            sum(_bytes(parameter) for parameter in model.parameters() if parameter.requires_grad)
            if model is not None
            else 0
        )
        optimizer_state = getattr(optimizer, "state", {}).values()
        optimizer_state = [
            tensor for values in optimizer_state for tensor in values.values() if isinstance(tensor, torch.Tensor)
        ]
        self.needed = max(self.written, trained_bytes + sum(map(_bytes, optimizer_state)) + BESIDES_BYTES)

    def is_enough(self) -> bool:
        return self.free() >= self.needed + RESERVE_BYTES

    def wrote(self, folder: Path) -> None:
        self.written = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())

    def check(self, step: int, newest: int) -> None:
        """Before writing. Raises WorkFailedError when the checkpoint does not fit; `newest` is the last one's step.

        Where it fits into the reserve it is written, and the training ends after it: see `raise_if_full`.
        """
        if self.is_enough():
            self.full = False
            return
        free = self.free()
        self.full = True
        if free < self.needed + int(LEAST_SHARE * RESERVE_BYTES):
            newest_note = f"The last one is of step {newest}" if newest >= 0 else "There is none before it"
            context = f"the checkpoint of step {step} takes {sizes.in_words(self.needed)}. {newest_note}"
            raise self._failure(free, context)

    def raise_if_full(self, context: str) -> None:
        """After writing: raises WorkFailedError, in every process, when there is no room for another checkpoint."""
        (is_full,) = group.agree(self.full)
        if is_full:
            raise self._failure(self.free(), context)

    def _failure(self, free: int, context: str) -> WorkFailedError:
        full_disk = diagnosis.disk_full(free, context)
        return WorkFailedError(full_disk.category, full_disk.message, full_disk.hint)


def _bytes(tensor: torch.Tensor) -> int:
    local_tensor = group.held(tensor)
    return local_tensor.numel() * local_tensor.element_size()
