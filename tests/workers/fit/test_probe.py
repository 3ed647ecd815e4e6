"""The fit probe for real: it trains a tiny model for a few steps, in this process and as the studio starts it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from pyarrow import parquet

from engine.fit.measurement import Measured
from engine.process import events
from engine.process.plan import WORKERS
from engine.recipes.methods import METHODS
from engine.workers import contract
from engine.workers.fit import memory as fit_memory
from engine.workers.fit import probe
from engine.workers.fit import rows as fit_rows
from engine.workers.train import training
from tests.workers.train.judged import stored
from tests.workers.train.training_runs import ROOT, chat, only, spec, sums, write_rows

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
    pytest.mark.usefixtures("one_thread"),
]

OWN: dict[str, dict[str, Any]] = {
    "grpo": {"max_completion_length": 8, "reward_funcs": "length", "reward_length": 10},
    "reward": {"strategy": "ddp", "num_processes": 2},  # one process is measured, whatever the training has
}


def asked(values: dict[str, Any], seconds: float = 100) -> dict[str, Any]:
    return values | {"seconds": seconds, "hard_seconds": 180}


def probed(values: dict[str, Any], out: Path, seconds: float = 100) -> Measured:
    out.mkdir(exist_ok=True)
    return Measured.model_validate(probe.work(asked(values, seconds), out))


@pytest.mark.parametrize("method", ["dpo", "kto", "reward", "grpo"])
def test_every_kind_of_method_is_measured_by_its_own_steps(method: str, tiny_model: Path, tmp_path: Path) -> None:
    kind = METHODS[method].kinds[0]
    values = spec(tiny_model, stored(tmp_path, kind), kind, method=method, **OWN.get(method, {}))
    found = probed(values, tmp_path / "out", seconds=0)  # only the recipe itself
    (trial,) = found.trials
    assert trial.fits
    assert trial.batch == values["recipe"]["per_device_train_batch_size"]
    assert min(trial.seconds_a_batch, trial.usual_seconds_a_batch) > 0
    assert trial.peak_bytes >= trial.before_bytes > 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["events.jsonl"]  # nothing else is left


def test_other_batches_are_tried_and_the_same_step_is_kept(tiny_model: Path, tmp_path: Path) -> None:
    values = spec(tiny_model, write_rows(tmp_path, "chat", sums(20)), gradient_accumulation_steps=2, packing=False)
    found = probed(values, tmp_path / "out")
    assert [one.batch for one in found.trials][:2] == [4, 8]
    assert found.largest is not None
    assert found.largest.batch >= 8
    assert found.suggestion is not None
    if found.suggestion.fields:
        sizes = [found.suggestion.fields[f"{name}"] for name in ("per_device_train_batch_size",)]
        assert sizes == [8]
    said = [event for event in events.read(tmp_path / "out")[0] if isinstance(event, events.Progress)]
    assert {event.stage for event in said} >= {"loading", "measuring the recipe", "trying other batches, 1"}


def test_the_forecast_is_what_the_training_then_takes(tiny_model: Path, tmp_path: Path) -> None:
    """As the studio starts both: each a process of its own."""
    rows = write_rows(tmp_path, "chat", [*sums(30), chat("How long?", "Very long. " * 30)])
    values = spec(tiny_model, rows, max_steps=3, max_length=512)
    found = Measured.model_validate(run("fit_probe", asked(values, seconds=0), tmp_path / "probe"))
    assert found.rows.longest_tokens > 300
    taken = run("sft", values, tmp_path / "run")["peak_memory_bytes"]
    assert 0.8 < found.trials[0].peak_bytes / taken < 1.25


def run(worker: str, values: dict[str, Any], out: Path) -> dict[str, Any]:
    """The result of a worker, as a process of its own."""
    out.mkdir()
    (out / "spec.json").write_text(json.dumps(values))
    argv = [sys.executable, "-m", WORKERS[worker], str(out / "spec.json"), str(out)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with (out / "output.log").open("wb") as log:
        done = subprocess.run(argv, cwd=ROOT, stdout=log, stderr=log, env=environment, timeout=180, check=False)
    assert done.returncode == 0, (out / "output.log").read_text()[-2000:]
    result: dict[str, Any] = only(events.read(out)[0], events.Finished).result
    return result


def test_memory_that_runs_out_is_an_answer_with_a_way_out(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", [chat("Go on.", "And so on. " * 200)] * 4)
    values = spec(tiny_model, rows, max_length=512, per_device_train_batch_size=512)
    spare = psutil.Process().memory_info().rss + 150_000_000
    with Held(spare):
        found = probed(values, tmp_path / "out")
    assert not found.trials[0].fits
    assert found.suggestion is not None
    assert found.suggestion.found
    assert found.suggestion.fields["per_device_train_batch_size"] < 512
    fields = found.suggestion.fields
    assert fields["per_device_train_batch_size"] * fields["gradient_accumulation_steps"] == 512


class Held:
    """A machine with less memory, as the cgroup of a container would tell."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.kept = fit_memory.SHARE_OF_FREE

    def __enter__(self) -> None:
        memory = psutil.virtual_memory().available + psutil.Process().memory_info().rss
        fit_memory.SHARE_OF_FREE = self.budget / memory

    def __exit__(self, *_: object) -> None:
        fit_memory.SHARE_OF_FREE = self.kept


def test_a_stop_is_heard_between_steps_and_leaves_nothing(tiny_model: Path, tmp_path: Path) -> None:
    values = spec(tiny_model, write_rows(tmp_path, "chat", sums(8)))
    out = tmp_path / "out"
    out.mkdir()
    (out / contract.STOP_FILE).touch()
    with pytest.raises(contract.Stopped):
        probe.work(asked(values), out)
    assert not (out / probe.SCRATCH).exists()


def test_rows_that_nothing_can_be_learnt_from_are_no_question_of_memory(tiny_model: Path, tmp_path: Path) -> None:
    values = spec(tiny_model, write_rows(tmp_path, "chat", [chat("only a question")] * 3))
    (tmp_path / "out").mkdir()
    with pytest.raises(contract.WorkFailedError, match="None of the dataset's 3 rows"):
        probe.work(asked(values), tmp_path / "out")


def test_of_a_large_dataset_the_longest_rows_and_an_even_spread_are_read(tmp_path: Path) -> None:
    many = [chat(f"{n}", "x" * (n % 50)) for n in range(9000)]
    many[7777] = chat("7777", "y" * 5000)
    whole = write_rows(tmp_path, "chat", many)
    (tmp_path / "scratch").mkdir()
    taken = parquet.read_table(fit_rows.sample(whole, tmp_path / "scratch")).to_pylist()
    assert len(taken) == fit_rows.MOST_ROWS
    numbers = [row["row"] for row in taken]
    assert len(set(numbers)) == len(numbers)
    assert 7778 in numbers[: fit_rows.LONGEST]
    assert all(len(row["messages"][1]["content"]) >= 48 for row in taken[: fit_rows.LONGEST])
    few = write_rows(tmp_path, "chat", many[:10])
    assert fit_rows.sample(few, tmp_path / "scratch") == few


def test_a_row_as_long_as_batches_usually_are(tiny_model: Path, tmp_path: Path) -> None:
    recipe = training.Spec.read(spec(tiny_model, tmp_path / "none")).recipe
    tokens = torch.arange(1, 101).numpy()
    assert fit_rows.usual(recipe)(tokens) == 50.5
    padded = recipe.model_copy(update={"train_sampling_strategy": "random"})
    assert 70 < fit_rows.usual(padded)(tokens) < 90  # the longest of four
