"""A worker whose accelerate believes that a CPU is a GPU: `-m tests.workers.train.believing SPEC OUT`, for FSDP2.

On a CPU accelerate leaves it out without a word, and the worker ends (tests/workers/train/test_strategy.py). Here the
library is told otherwise, so that what the studio does with it can be tested where there is no GPU: PyTorch's
fully_shard itself runs on a CPU over gloo.
"""

import os
from collections.abc import Callable
from typing import Any

from accelerate.state import PartialState
from accelerate.utils import DistributedType

from engine.workers import contract
from engine.workers.train import sft

BELIEF = ("gloo", DistributedType.MULTI_GPU)


def believe(patch: Callable[[Any, str, Any], None] = setattr) -> None:
    """Changes accelerate in this process alone."""
    patch(PartialState, "_prepare_backend", lambda *_: BELIEF)
    os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"


if __name__ == "__main__":
    believe()
    contract.run(sft.work)
