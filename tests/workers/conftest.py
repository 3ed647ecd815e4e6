"""Before TRL is imported by a test: ORPO and CPO are experimental there, and say so with a warning."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.recipes import launch_command

os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"  # as engine.workers.train.preference does


@pytest.fixture(autouse=True)
def torchs_own_linear() -> Iterator[None]:
    """DeepSpeed's ZeRO 3 puts a linear of its own in the place of torch's, and leaves it there."""
    yield
    if (torch := sys.modules.get("torch")) is not None:
        torch.nn.functional.linear = torch._C._nn.linear


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    """That of the tiny model, as transformers loads it."""
    from transformers import AutoTokenizer  # noqa: PLC0415

    return AutoTokenizer.from_pretrained(tiny_model)


@pytest.fixture(scope="module")
def launched_alone() -> Iterator[None]:
    """This process as the launcher starts one that is alone, for all tests of a module that use it."""
    from accelerate.state import AcceleratorState  # noqa: PLC0415

    from engine.workers import group  # noqa: PLC0415

    environment = {"TORCHELASTIC_RUN_ID": "test", "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}
    environment |= {"LOCAL_WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(launch_command.free_port())}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        group.begin("cpu")
        yield
        group.end()
        AcceleratorState._reset_state(reset_partial_state=True)
