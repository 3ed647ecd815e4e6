"""A run's script, on plain TRL, trains as the run did: step by step the same losses."""

from pathlib import Path
from typing import Any

import pytest

from tests.workers.script.scripts import played, script_in, trained
from tests.workers.train.training_runs import spec, sums, write_rows

NEAR = 0.01  # of each step's loss, where the studio computes faster


def test_a_script_trains_as_the_studio_does(tiny_model: Path, tmp_path: Path) -> None:
    values = spec(tiny_model, write_rows(tmp_path, "chat", sums(24)), eval_fraction=0.2, eval_steps=2)
    told, ours = trained(values, tmp_path / "out")
    theirs = played(script_in(told, tmp_path / "script"), tmp_path / "script", fresh=True)
    compare(ours, theirs, NEAR)


def compare(ours: dict[int, Any], theirs: dict[int, Any], near: float) -> None:
    """Holds every step's loss against the run's; `near` 0 is to the last digit."""
    assert ours
    for step, numbers in ours.items():
        for name in ("loss", "eval_loss"):
            if name in numbers:
                assert theirs[step][name] == pytest.approx(numbers[name], rel=near, abs=0), (step, name)
