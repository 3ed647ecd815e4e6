"""Trials side by side: one on each device, numbered and valued as if they had come one after another."""

from itertools import pairwise
from pathlib import Path

import pytest

from engine.process import devices
from engine.runs import runs
from engine.sweeps import shown, sweeps
from engine.sweeps.spec import Range, Sampler
from engine.sweeps.study import Question, Study, Trial
from engine.workers.sweeps import advice
from storage.tables import Sweep
from tests import fake_trial
from tests.engine.sweeps import stored_sweeps as given

STEPS, TRIALS = 6, 6


@pytest.mark.parametrize("count", [2, 3])
def test_as_many_trials_train_as_there_are_devices_each_alone_on_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, count: int
) -> None:
    cards = tuple(f"{index}, GPU-{index}" for index in range(count))
    monkeypatch.setattr(devices, "inventory", devices.Inventory(lambda: cards))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    gate = tmp_path / "gate"  # none ends before as many train as may
    given.furnish(monkeypatch, steps=STEPS, gate=gate)
    sweep_id = given.create(parallel=8, budget={"trials": TRIALS})
    assert shown.described(sweeps.look_up(sweep_id))["side_by_side"] == count
    held = {0}

    def over() -> Sweep | None:
        training = [lease.device for lease in devices.holders()]
        assert len(set(training)) == len(training)  # no two on one
        held.add(len(training))
        if len(training) == count:
            gate.touch()
        return row if (row := sweeps.look_up(sweep_id)).status in sweeps.ENDED else None

    given.until(over, 300)
    rows = given.trials(sweep_id)
    assert [(row.number, row.state) for row in rows] == [(number, "complete") for number in range(TRIALS)]
    assert max(held) == count
    begun = [runs.look_up(str(row.run_id)) for row in rows]
    assert {run.device for run in begun} == {f"gpu:{index}" for index in range(count)}
    for row, run in zip(rows, begun, strict=True):
        assert (run.recipe["learning_rate"], run.name[:7]) == (row.params["learning_rate"], f"Trial {row.number}")
        assert row.values == [fake_trial.eval_loss(run.recipe, STEPS)]
    for device in {run.device for run in begun}:
        times = sorted((run.started_at or 0, run.ended_at or 0) for run in begun if run.device == device)
        assert all(end <= start for (_, end), (start, _) in pairwise(times))
    assert devices.holders() == []


def asked(sampler: Sampler, at_once: int) -> list[dict[str, object]]:
    """The settings of the first trials, asked for so many at a time; each is still running when the next are chosen."""
    space = {"learning_rate": Range(low=1e-5, high=1e-1, log=True)}
    rows: list[Trial] = []
    while len(rows) < TRIALS:
        study = Study(space=space, directions=("minimize",), sampler=sampler, pruner="none", seed=3, trials=tuple(rows))
        told = advice.on(Question(id=f"after {len(rows)}", study=study, ask=at_once))
        rows += [Trial(number=len(rows) + n, state="running", params=params) for n, params in enumerate(told.params)]
    return [dict(row.params) for row in rows]


@pytest.mark.parametrize("sampler", ["random", "qmc"])
def test_what_learns_nothing_tries_the_same_settings_however_many_train_at_once(sampler: Sampler) -> None:
    assert asked(sampler, 1) == asked(sampler, 2) == asked(sampler, 3)
