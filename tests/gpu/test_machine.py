"""The machine of a run on a real GPU: NVML itself tells use, memory, heat and power, and the energy they make."""

import sys
from pathlib import Path

import pytest

from engine.accounts.prices import Prices
from engine.runs import curves, machine_use
from storage.statuses import RunStatus
from tests.gpu import engine_here

pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(400)]


def test_a_training_on_a_gpu_knows_its_heat_and_its_energy(home: Path, tiny_model: Path, tmp_path: Path) -> None:
    big_model = tmp_path / "big"
    engine_here.make_model(big_model)
    engine_here.furnish(big_model, tiny_model, tmp_path)
    run = engine_here.train(engine_here.recipe(max_steps=60))
    assert run.status == RunStatus.SUCCEEDED
    use = machine_use.of(run, Prices(per_kwh=0.3))
    sys.stdout.write(f"\n== {use}\n{run.facts.machine}\n")
    assert run.facts.machine is not None
    assert run.facts.ending is not None
    peaks = run.facts.machine["peaks"]
    assert 0 < peaks["gpu0_percent"] <= 100
    assert 20 < peaks["gpu0_temperature"] < 110
    assert peaks["gpu0_memory_bytes"] >= 0.9 * run.facts.ending["result"]["peak_memory_bytes"]
    card = use.energy[0]
    assert card.what == "GPU 0"
    assert card.wh is not None
    watts = card.wh * 3600 / card.seconds
    assert 30 < watts <= 1.1 * peaks["gpu0_watts"]
    assert use.energy_cost == pytest.approx((use.wh or 0) / 1000 * 0.3)
    assert curves.read(run.id, "machine/gpu0_watts").points
    assert run.facts.machine["sampler_seconds"] < 0.005 * use.seconds + 1 if use.seconds else False
