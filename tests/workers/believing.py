"""A worker whose accelerate believes that a CPU is a GPU: `-m tests.workers.believing SPEC OUT`, for FSDP2 and DeepSpeed.

On a CPU accelerate leaves both out without a word, and the worker ends (tests/workers/test_strategy.py). Here the
library is told otherwise, so that what the studio does with them can be tested where there is no GPU: PyTorch's
fully_shard and DeepSpeed themselves run on a CPU over gloo.
"""

import json
import os
import sys
from typing import Any

from accelerate.state import PartialState
from accelerate.utils import DistributedType

from engine.workers import contract, sft

BELIEF = ("gloo", DistributedType.MULTI_GPU)


def believe(strategy: str) -> None:
    """Changes accelerate in this process alone."""
    begin = PartialState.__init__

    def init(self: Any, cpu: bool = False, **others: Any) -> None:
        begin(self, **others)

    PartialState.__init__ = init
    PartialState._prepare_backend = lambda self, *_: BELIEF
    os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"
    if strategy.startswith("deepspeed"):
        os.environ |= {"ACCELERATE_USE_DEEPSPEED": "true", "DS_ACCELERATOR": "cpu"}


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        believe(json.load(file)["recipe"]["strategy"])
    contract.run(sft.work)
