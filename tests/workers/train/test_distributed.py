"""Real trainings in two processes over gloo: equal to one process, stopped, killed and resumed."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from engine.process import events
from engine.weights import checkpoints
from engine.workers import ranks
from engine.workers.train import family_preference, launch, training
from tests.waiting import wait_for
from tests.workers.train.judged import store_rows
from tests.workers.train.several import children, finish_warm, start
from tests.workers.train.training_runs import only, spec, steps, sums, write_rows

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")

# 24 rows in two epochs; 12 steps of 4 rows, whoever computes them.
SHARED: dict[str, Any] = {"max_steps": 12, "save_steps": 3, "save_total_limit": 9, "bf16": False}
TWO: dict[str, Any] = SHARED | {"strategy": "ddp", "num_processes": 2, "per_device_train_batch_size": 2}
ONE: dict[str, Any] = SHARED | {"per_device_train_batch_size": 4}


def chats(model: Path, folder: Path, **fields: Any) -> dict[str, Any]:
    return spec(model, write_rows(folder, "chat", sums(24)), **fields)


@pytest.fixture(scope="module")
def unbroken(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training in two processes that nothing disturbed."""
    folder = tmp_path_factory.mktemp("two")
    finish_warm(chats(tiny_model, folder, **TWO), folder / "out")
    return folder / "out"


def adapter(out: Path) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = load_file(out / "adapter" / "adapter_model.safetensors")
    return tensors


def assert_alike(first_out: Path, second_out: Path, tolerance: float) -> None:
    first_points, second_points = steps(events.read(first_out)[0]), steps(events.read(second_out)[0])
    assert first_points.keys() == second_points.keys()
    for name in ("loss", "grad_norm"):
        curves = [
            [points[step][name] for step in sorted(points) if name in points[step]]
            for points in (first_points, second_points)
        ]
        assert curves[0] == pytest.approx(curves[1], rel=tolerance)
    first_adapter, second_adapter = adapter(first_out), adapter(second_out)
    assert first_adapter.keys() == second_adapter.keys()
    assert all(
        torch.allclose(first_adapter[name], second_adapter[name], rtol=tolerance, atol=tolerance)
        for name in first_adapter
    )


def test_two_processes_learn_what_one_does_from_the_same_rows(unbroken: Path, tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "one"
    out.mkdir()
    training.train(chats(tiny_model, tmp_path, **ONE), out)
    assert_alike(unbroken, out, 2e-4)
    points = steps(events.read(unbroken)[0])
    assert points[12]["num_tokens"] == steps(events.read(out)[0])[12]["num_tokens"]


def test_the_first_process_speaks_for_both(unbroken: Path) -> None:
    recorded = events.read(unbroken)[0]
    assert len([event for event in recorded if isinstance(event, events.Started | events.Finished)]) == 2
    facts = only(recorded, events.Started).facts
    assert (facts["strategy"], facts["processes"], facts["rows"], facts["fast_loss"]) == ("ddp", 2, 24, True)
    assert [event.step for event in recorded if isinstance(event, events.Saved)] == [3, 6, 9, 12]
    assert len(list((unbroken / "rows").glob("*.arrow"))) == 1
    files = {path.name for path in (unbroken / "checkpoints" / "checkpoint-12").iterdir()}
    assert {"rng_state_0.pth", "rng_state_1.pth", "manifest.json"} <= files
    assert "training_args.bin" not in files


@pytest.mark.usefixtures("untraced")
@pytest.mark.slow  # torchrun starts two processes that import torch and TRL
def test_one_killed_process_ends_both_and_the_run_resumes_exactly(
    unbroken: Path, tiny_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    values = chats(tiny_model, tmp_path, **TWO)
    with start(values, out) as launcher:
        wait_for(lambda: checkpoints.newest_good(out), seconds=200, every=0.005)
        os.kill(children(launcher.pid)[-1], signal.SIGKILL)
        assert launcher.wait(timeout=280) == -signal.SIGKILL  # what became of the first to go, not exit code 1
    assert not [event for event in events.read(out)[0] if isinstance(event, events.Finished | events.Failed)]
    newest = checkpoints.newest_good(out)
    assert newest is not None
    assert not (out / "adapter").exists()
    resumed = finish_warm(values | {"resume_from": str(newest), "attempt": 2}, out)
    assert only(resumed, events.Started).facts["resumed_from_step"] == checkpoints.step_of(newest)
    assert steps(resumed) == steps(events.read(unbroken)[0])  # to the last bit
    assert all(torch.equal(tensor, adapter(unbroken)[name]) for name, tensor in adapter(out).items())


@pytest.mark.slow  # torchrun starts two processes that import torch and TRL
def test_both_stop_after_the_same_step_when_asked_and_preferences_are_learnt_as_by_one(
    tiny_model: Path, tmp_path: Path
) -> None:
    fields: dict[str, Any] = {"method": "dpo", "precompute_ref_log_probs": True, "bf16": False, "save_steps": 1000}
    two_fields = fields | {
        "strategy": "ddp",
        "num_processes": 2,
        "per_device_train_batch_size": 2,
        "max_steps": 100_000,
    }
    rows = store_rows(tmp_path, "preference")
    out = tmp_path / "two"
    with start(spec(tiny_model, rows, "preference", **two_fields), out) as launcher:
        wait_for(lambda: len(steps(events.read(out)[0])) > 3, seconds=200, every=0.01)
        (out / "stop.request").touch()
        assert launcher.wait(timeout=280) == 0
    finished = only(events.read(out)[0], events.Finished)
    newest = checkpoints.newest_good(out)
    assert newest is not None
    assert (finished.outcome, finished.result["steps"]) == ("stopped", checkpoints.step_of(newest))
    alone = tmp_path / "one"
    alone.mkdir()
    # The same learning rate a step: it falls over all steps of the training.
    values = spec(tiny_model, rows, "preference", **fields, per_device_train_batch_size=4, max_steps=100_000)
    values["recipe"] |= {"max_steps": 3, "lr_scheduler_type": "constant"}
    family_preference.train(values, alone)
    assert only(events.read(out)[0], events.Started).facts["fast_loss"] is True
    one_points, two_points = (steps(events.read(folder)[0]) for folder in (alone, out))
    for name in ("loss", "rewards/margins", "logps/chosen"):
        values_of_two = [two_points[step][name] for step in (1, 2, 3)]
        assert values_of_two == pytest.approx([one_points[step][name] for step in (1, 2, 3)], rel=1e-3, abs=1e-4)


@pytest.mark.usefixtures("untraced")
@pytest.mark.slow  # torchrun starts two processes that import torch and TRL, twice
def test_a_machine_that_goes_down_leaves_a_checkpoint_and_a_killed_launcher_nobody(
    tiny_model: Path, tmp_path: Path
) -> None:
    values = chats(tiny_model, tmp_path, **(TWO | {"max_steps": 100_000, "save_steps": 100_000}))
    out = tmp_path / "terminated"
    with start(values, out) as launcher:
        wait_for(lambda: len(steps(events.read(out)[0])) > 3, seconds=200, every=0.01)
        launcher.terminate()
        assert launcher.wait(timeout=280) == 143
    newest = checkpoints.newest_good(out)
    assert newest is not None
    assert not [event for event in events.read(out)[0] if isinstance(event, events.Finished | events.Failed)]
    out = tmp_path / "killed"
    with start(values, out) as launcher:
        wait_for(lambda: len(steps(events.read(out)[0])) > 3, seconds=200, every=0.01)
        pids = children(launcher.pid)
        launcher.kill()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


@pytest.mark.parametrize(
    ("codes", "cause"),
    [([1, -9], -9), ([-15, 1], -15), ([1, 143], 143), ([1, 0], 1), ([-15, -11, 1], -11), ([], 1)],
)
def test_a_launcher_ends_as_the_process_that_explains_most(codes: list[int], cause: int) -> None:
    assert launch.cause(codes) == cause


def test_a_process_that_only_lost_another_one_does_not_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = RuntimeError("[gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:3400")
    assert not ranks.another_ended(lost)  # alone, it is a failure like others
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    assert ranks.another_ended(lost)
    assert not ranks.another_ended(RuntimeError("shapes cannot be multiplied"))
    assert not ranks.another_ended(ConnectionResetError("Connection reset by peer"))
    assert (ranks.first(), ranks.device("cuda:0"), ranks.device("cpu")) == (False, "cuda:1", "cpu")
