"""Strategies on one GPU: one process under the launcher, wrapped by DDP, FSDP2 or DeepSpeed. Needs no network."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from engine.process import events
from tests import tiny
from tests.workers.train.several import finish
from tests.workers.train.training_runs import only, spec, steps, sums, write_rows

pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("ignore")]

FIELDS: dict[str, Any] = {"max_steps": 6, "save_steps": 2, "save_total_limit": 9, "num_processes": 1, "bf16": False}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made here, so that the file runs by itself."""
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    folder = tmp_path_factory.mktemp("tiny") / "model"
    tiny.make(folder)
    return folder


def on_gpu(model: Path, folder: Path, **fields: Any) -> dict[str, Any]:
    values = spec(model, write_rows(folder, "chat", sums(24)), **(FIELDS | fields))
    return values | {"device": "cuda:0"}


def losses(recorded: list[events.Event]) -> list[float]:
    return [point["loss"] for point in steps(recorded).values() if "loss" in point]


@pytest.fixture(scope="module")
def expected(model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """The losses of an ordinary process on the GPU."""
    folder = tmp_path_factory.mktemp("one")
    return losses(finish(on_gpu(model, folder, num_processes=0), folder / "out", device="gpu:0"))


@pytest.mark.parametrize(
    "fields",
    [
        {"strategy": "ddp"},
        {"strategy": "fsdp"},
        {"strategy": "deepspeed_zero2"},
        {"strategy": "deepspeed_zero3"},
        {"strategy": "deepspeed_zero3", "offload": "cpu"},
        {"strategy": "deepspeed_zero2", "bf16": True},
        {"strategy": "fsdp", "bf16": True},
    ],
    ids=lambda fields: "-".join(map(str, fields.values())),
)
def test_a_strategy_is_in_force_learns_the_same_resumes_and_leaves_a_plain_adapter(
    fields: dict[str, Any], model: Path, expected: list[float], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    values = on_gpu(model, tmp_path, **fields)
    recorded = finish(values, out, device="gpu:0")  # the worker itself refuses what is not in force
    facts = only(recorded, events.Started).facts
    assert (facts["strategy"], facts["processes"]) == (fields["strategy"], 1)
    assert losses(recorded) == pytest.approx(expected, rel=0.02 if fields.get("bf16") else 2e-3)
    weights = out / "adapter" / "adapter_model.safetensors"
    before = load_file(weights)
    resumed = values | {"resume_from": str(out / "checkpoints" / "checkpoint-4"), "attempt": 2}
    finish(resumed, out, device="gpu:0")
    after = load_file(weights)
    assert all(torch.allclose(after[name], before[name], rtol=1e-3, atol=1e-4) for name in before)
