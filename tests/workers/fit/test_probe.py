"""The fit probe for real: it trains a tiny model for a few steps, in this process and as the studio starts it."""

import json
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
from tests.workers.train.judged import store_rows
from tests.workers.train.training_runs import ROOT, chat, only, spec, sums, write_rows

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]

OWN: dict[str, dict[str, Any]] = {
    "grpo": {"max_completion_length": 8, "reward_funcs": "length", "reward_length": 10},
    "reward": {"strategy": "ddp", "num_processes": 2},  # one process is measured, whatever the training has
}


def probe_spec(values: dict[str, Any], seconds: float = 100) -> dict[str, Any]:
    return values | {"seconds": seconds, "hard_seconds": 180}


def probe_result(values: dict[str, Any], out: Path, seconds: float = 100) -> Measured:
    out.mkdir(exist_ok=True)
    return Measured.model_validate(probe.work(probe_spec(values, seconds), out))


@pytest.mark.parametrize("method", ["dpo", "kto", "reward", "grpo"])
def test_every_kind_of_method_is_measured_by_its_own_steps(method: str, tiny_model: Path, tmp_path: Path) -> None:
    kind = METHODS[method].kinds[0]
    values = spec(tiny_model, store_rows(tmp_path, kind), kind, method=method, **OWN.get(method, {}))
    measured = probe_result(values, tmp_path / "out", seconds=0)  # only the recipe itself
    (trial,) = measured.trials
    assert trial.fits
    assert trial.batch == values["recipe"]["per_device_train_batch_size"]
    assert min(trial.seconds_a_batch, trial.usual_seconds_a_batch) > 0
    assert trial.peak_bytes >= trial.before_bytes > 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["events.jsonl"]  # nothing else is left


def test_other_batches_are_tried_and_the_same_step_is_kept(tiny_model: Path, tmp_path: Path) -> None:
    values = spec(tiny_model, write_rows(tmp_path, "chat", sums(20)), gradient_accumulation_steps=2, packing=False)
    measured = probe_result(values, tmp_path / "out")
    assert [trial.batch for trial in measured.trials][:2] == [4, 8]
    assert measured.largest is not None
    assert measured.largest.batch >= 8
    assert measured.suggestion is not None
    if measured.suggestion.fields:
        sizes = [measured.suggestion.fields[f"{name}"] for name in ("per_device_train_batch_size",)]
        assert sizes == [8]
    progress = [event for event in events.read(tmp_path / "out")[0] if isinstance(event, events.Progress)]
    assert {event.stage for event in progress} >= {"loading", "measuring the recipe", "trying other batches, 1"}


@pytest.mark.usefixtures("untraced")  # the functions above hold what runs in them
@pytest.mark.slow  # two programs that import torch and TRL: the memory of a forked one would be another
def test_the_forecast_is_what_the_training_then_takes(tiny_model: Path, tmp_path: Path) -> None:
    """As the studio starts both: each a process of its own."""
    rows = write_rows(tmp_path, "chat", [*sums(30), chat("How long?", "Very long. " * 30)])
    values = spec(tiny_model, rows, max_steps=3, max_length=512)
    measured = Measured.model_validate(run("fit_probe", probe_spec(values, seconds=0), tmp_path / "probe"))
    assert measured.rows.longest_tokens > 300
    peak_bytes = run("sft", values, tmp_path / "run")["peak_memory_bytes"]
    assert 0.8 < measured.trials[0].peak_bytes / peak_bytes < 1.25


def run(worker: str, values: dict[str, Any], out: Path) -> dict[str, Any]:
    """The result of a worker, as a process of its own."""
    out.mkdir()
    (out / "spec.json").write_text(json.dumps(values))
    argv = [sys.executable, "-m", WORKERS[worker], str(out / "spec.json"), str(out)]
    with (out / "output.log").open("wb") as log:
        process = subprocess.run(argv, cwd=ROOT, stdout=log, stderr=log, timeout=180, check=False)
    assert process.returncode == 0, (out / "output.log").read_text()[-2000:]
    result: dict[str, Any] = only(events.read(out)[0], events.Finished).result
    return result


def test_memory_that_runs_out_is_an_answer_with_a_way_out(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", [chat("Go on.", "And so on. " * 200)] * 4)
    values = spec(tiny_model, rows, max_length=512, per_device_train_batch_size=512)
    spare = psutil.Process().memory_info().rss + 150_000_000
    with LimitedMemory(spare):
        measured = probe_result(values, tmp_path / "out")
    assert not measured.trials[0].fits
    assert measured.suggestion is not None
    assert measured.suggestion.found
    assert measured.suggestion.fields["per_device_train_batch_size"] < 512
    fields = measured.suggestion.fields
    assert fields["per_device_train_batch_size"] * fields["gradient_accumulation_steps"] == 512


class LimitedMemory:
    """A machine with less memory, as the cgroup of a container would tell."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.usual_share = fit_memory.SHARE_OF_FREE

    def __enter__(self) -> None:
        memory = psutil.virtual_memory().available + psutil.Process().memory_info().rss
        fit_memory.SHARE_OF_FREE = self.budget / memory

    def __exit__(self, *_: object) -> None:
        fit_memory.SHARE_OF_FREE = self.usual_share


def test_a_stop_is_heard_between_steps_and_leaves_nothing(tiny_model: Path, tmp_path: Path) -> None:
    values = spec(tiny_model, write_rows(tmp_path, "chat", sums(8)))
    out = tmp_path / "out"
    out.mkdir()
    (out / contract.STOP_FILE).touch()
    with pytest.raises(contract.Stopped):
        probe.work(probe_spec(values), out)
    assert not (out / probe.SCRATCH).exists()


def test_rows_that_nothing_can_be_learnt_from_are_no_question_of_memory(tiny_model: Path, tmp_path: Path) -> None:
    values = spec(tiny_model, write_rows(tmp_path, "chat", [chat("only a question")] * 3))
    (tmp_path / "out").mkdir()
    with pytest.raises(contract.WorkFailedError, match="None of the dataset's 3 rows"):
        probe.work(probe_spec(values), tmp_path / "out")


def test_of_a_large_dataset_the_longest_rows_and_an_even_spread_are_read(tmp_path: Path) -> None:
    rows = [chat(f"{n}", "x" * (n % 50)) for n in range(9000)]
    rows[7777] = chat("7777", "y" * 5000)
    dataset_path = write_rows(tmp_path, "chat", rows)
    (tmp_path / "scratch").mkdir()
    sampled = parquet.read_table(fit_rows.sample(dataset_path, tmp_path / "scratch")).to_pylist()
    assert len(sampled) == fit_rows.MOST_ROWS
    numbers = [row["row"] for row in sampled]
    assert len(set(numbers)) == len(numbers)
    assert 7778 in numbers[: fit_rows.LONGEST]
    assert all(len(row["messages"][1]["content"]) >= 48 for row in sampled[: fit_rows.LONGEST])
    small_path = write_rows(tmp_path, "chat", rows[:10])
    assert fit_rows.sample(small_path, tmp_path / "scratch") == small_path


def test_a_row_as_long_as_batches_usually_are(tiny_model: Path, tmp_path: Path) -> None:
    recipe = training.Spec.read(spec(tiny_model, tmp_path / "none")).recipe
    tokens = torch.arange(1, 101).numpy()
    assert fit_rows.usual_length(recipe)(tokens) == 50.5
    padded = recipe.model_copy(update={"train_sampling_strategy": "random"})
    assert 70 < fit_rows.usual_length(padded)(tokens) < 90  # the longest of four
