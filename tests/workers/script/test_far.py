"""Scripts of larger runs: several processes, and the real starter model."""

from pathlib import Path
from typing import Any

import pytest

from engine.runs.script import launching
from tests.starter import starter_model
from tests.workers.script.scripts import compare, played, played_in_two, script_in, told_of, trained
from tests.workers.train import several
from tests.workers.train.training_runs import spec, steps, sums, write_rows

__all__ = ["starter_model"]


@pytest.mark.slow
def test_two_processes_share_the_rows_as_they_did_in_the_run(tiny_model: Path, tmp_path: Path) -> None:
    fields: dict[str, Any] = {"strategy": "ddp", "num_processes": 2, "per_device_train_batch_size": 2}
    values = spec(tiny_model, write_rows(tmp_path, "chat", sums(24)), bf16=False, **fields)
    recorded = several.finish_warm(values, tmp_path / "out")
    told = told_of(values, tmp_path / "out", recorded)
    assert launching.commands(told, "a.py")[0].text.startswith("torchrun --nproc-per-node 2 ")
    compare(steps(recorded), played_in_two(script_in(told, tmp_path / "script"), tmp_path / "script"), 0.01)


@pytest.mark.slow  # 93 MB are fetched, converted and loaded
@pytest.mark.timeout(900)
def test_the_starter_is_trained_by_its_script_as_in_the_studio(starter_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(48))
    fields: dict[str, Any] = {"learning_rate": 2e-4, "max_length": 64, "lora_r": 16, "per_device_train_batch_size": 4}
    told, ours = trained(spec(starter_model, rows, **fields), tmp_path / "out")
    text = script_in(told, tmp_path / "script")
    compare(ours, played(text, tmp_path / "script", fresh=True), 0.01)
