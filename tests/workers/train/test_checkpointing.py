"""What a training keeps and when it ends: the best checkpoint, early stopping, a full disk, a smaller batch."""

import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import get_peft_model_state_dict
from safetensors.torch import load_file
from transformers import TrainerControl, TrainerState, TrainingArguments

from engine.process import events
from engine.recipes.recipe import Recipe
from engine.weights import checkpoints
from engine.workers import contract, diagnosis
from engine.workers.train import checkpointing, curve_watch, disk_space, preference, reinforce, training
from engine.workers.tuning import model as training_model
from tests.workers.train.judged import store_rows
from tests.workers.train.training_runs import only, spec, steps, sums, write_rows

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")

ADAPTER = "adapter_model.safetensors"

# So fast that the held-out loss rises after a few steps.
RISING: dict[str, Any] = {
    "tuning": "full",
    "lora_r": 16,
    "learning_rate": 0.01,
    "lr_scheduler_type": "constant",
    "eval_fraction": 0.3,
    "eval_steps": 3,
    "save_steps": 5,
    "max_steps": 36,
    "train_sampling_strategy": "random",
}


def run(values: dict[str, Any], out: Path) -> tuple[dict[str, Any], list[events.Event]]:
    out.mkdir(exist_ok=True, parents=True)
    return training.train(values, out), events.read(out)[0]


def held_out(recorded: list[events.Event]) -> dict[int, float]:
    return {step: point["eval_loss"] for step, point in steps(recorded).items() if "eval_loss" in point}


def weights(folder: Path) -> dict[str, Any]:
    tensors: dict[str, Any] = load_file(folder / "model.safetensors")
    return tensors


def same(first: Path, second: Path) -> bool:
    left, right = weights(first), weights(second)
    return left.keys() == right.keys() and all(bool((left[name] == right[name]).all()) for name in left)


def notes(recorded: list[events.Event]) -> str:
    return "\n".join(event.message for event in recorded if isinstance(event, events.Note))


@pytest.fixture(scope="module")
def best(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path, dict[str, Any]]:
    """A training whose best checkpoint is not its last: what was asked, its folder, its result."""
    folder = tmp_path_factory.mktemp("best")
    values = spec(tiny_model, write_rows(folder, "chat", sums(16)), load_best_model_at_end=True, **RISING)
    values["dataset_family"] = "a"  # whose held-out rows rise evenly
    return values, folder / "out", run(values, folder / "out")[0]


def test_the_result_is_the_best_checkpoint_and_it_stays(best: tuple[dict[str, Any], Path, dict[str, Any]]) -> None:
    _, out, result = best
    recorded = events.read(out)[0]
    eval_losses = held_out(recorded)
    lowest = min(eval_losses, key=lambda step: eval_losses[step])
    assert lowest < 36
    assert (result["best_step"], result["restored_step"], result["steps"]) == (lowest, lowest, 36)
    assert result["best_metric"] == pytest.approx(eval_losses[lowest])
    checkpoint_steps = [checkpoints.step_of(path) for path in checkpoints.in_order(out)]
    assert lowest in checkpoint_steps
    assert len(checkpoint_steps) == 3  # the best, and the newest two
    assert same(out / "model", checkpoints.folder_of(out) / f"checkpoint-{lowest}")
    assert not same(out / "model", checkpoints.folder_of(out) / "checkpoint-36")
    assert f"The result is the checkpoint of step {lowest}" in notes(recorded)
    assert checkpoints.metrics_at(checkpoints.in_order(out)[0])["eval_loss"] == pytest.approx(eval_losses[lowest])


def test_rows_learnt_by_heart_are_told_with_the_step_of_the_best(
    best: tuple[dict[str, Any], Path, dict[str, Any]],
) -> None:
    _, out, result = best
    assert f"Since step {result['best_step']} the held-out loss has risen" in notes(events.read(out)[0])


def test_resumed_in_the_middle_it_knows_the_best_and_repeats_every_number(
    best: tuple[dict[str, Any], Path, dict[str, Any]], tmp_path: Path
) -> None:
    values, unbroken, result = best
    killed = tmp_path / "killed"
    values = {**values, "recipe": {**values["recipe"], "save_total_limit": 100}}
    recorded = run(values, killed)[1]  # as the other one, but with all checkpoints to go back to
    assert steps(recorded) == steps(events.read(unbroken)[0])
    for folder in checkpoints.in_order(killed):
        if checkpoints.step_of(folder) > 20:
            shutil.rmtree(folder)
    shutil.rmtree(killed / "model")
    (killed / events.FILE).unlink()
    resumed = {**values, "resume_from": str(checkpoints.newest_good(killed)), "attempt": 2}
    again, recorded = run(resumed, killed)
    assert only(recorded, events.Started).facts["resumed_from_step"] == 20
    after = {step: point for step, point in steps(events.read(unbroken)[0]).items() if step > 20}
    assert steps(recorded) == after  # to the last bit
    assert {name: again[name] for name in ("best_step", "best_metric", "restored_step")} == {
        name: result[name] for name in ("best_step", "best_metric", "restored_step")
    }
    assert same(killed / "model", unbroken / "model")


@pytest.mark.parametrize("tuning", ["lora", "qlora", "ia3", "prompt", "prefix"])
def test_every_kind_of_adapter_is_restored(tuning: str, tiny_model: Path, tmp_path: Path) -> None:
    rank: dict[str, Any] = {} if "lora" in tuning else {"lora_r": 16}
    rows = write_rows(tmp_path, "chat", sums(12))
    values = spec(tiny_model, rows, tuning=tuning, max_steps=2, save_steps=1, **rank)
    run(values, tmp_path)
    first = checkpoints.folder_of(tmp_path) / "checkpoint-1"
    checkpoints.write_manifest(first, 1, {"eval_loss": 1.0})
    parsed = training.Spec.read(values)
    base = training_model.load(parsed.recipe, tiny_model, "cpu", training_model.load_tokenizer(tiny_model))
    trainer = training._trainer(parsed, base, training._rows(parsed, base, tmp_path), tmp_path)
    trainer.state.global_step = 2
    keeper = checkpointing.Checkpoints(
        tmp_path, checkpointing.Rules(2, 1, "eval_loss", greater=False, restores=True, patience=0)
    )
    assert checkpointing.restore_best(trainer, keeper)["restored_step"] == 1
    expected, actual = load_file(first / ADAPTER), get_peft_model_state_dict(trainer.model)
    assert actual.keys() == expected.keys()
    assert all(torch.equal(actual[name].to(expected[name].dtype), expected[name]) for name in expected)


def test_it_ends_early_and_a_resume_of_the_end_trains_no_further(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(12))
    fields = RISING | {"save_steps": 100, "max_steps": 300, "early_stopping_patience": 2}
    values = spec(tiny_model, rows, load_best_model_at_end=True, **fields)
    out = tmp_path / "out"
    result, recorded = run(values, out)
    eval_losses = held_out(recorded)
    assert result["steps"] == max(eval_losses) < 300
    assert len([step for step in eval_losses if step > result["best_step"]]) == 2
    assert f"Stopped early at step {result['steps']}" in notes(recorded)
    shutil.move(out / "model", tmp_path / "before")
    resumed = {**values, "resume_from": str(checkpoints.newest_good(out)), "attempt": 2}
    again, recorded = run(resumed, out)
    assert again["steps"] == result["steps"]
    assert same(out / "model", tmp_path / "before")


def test_the_best_few_stay_besides_the_newest(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(12))
    values = spec(tiny_model, rows, **RISING | {"save_best_limit": 2, "save_total_limit": 1, "max_steps": 20})
    result, recorded = run(values, tmp_path / "out")
    eval_losses = held_out(recorded)
    expected = {*sorted(eval_losses, key=lambda step: eval_losses[step])[:2], 20}
    assert {checkpoints.step_of(path) for path in checkpoints.in_order(tmp_path / "out")} == expected
    assert "restored_step" not in result


def test_a_metric_that_is_not_measured_is_refused_with_those_that_are(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(20))
    values = spec(tiny_model, rows, **RISING, save_best_limit=1, metric_for_best_model="eval_bleu")
    with pytest.raises(contract.WorkFailedError, match="eval_bleu") as caught:
        run(values, tmp_path / "out")
    assert "eval_loss" in caught.value.hint


def test_a_checkpoint_is_resumed_with_half_the_batch_and_the_same_rows(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(30))
    shape: dict[str, Any] = {"max_steps": 12, "save_steps": 4, "save_total_limit": 9, "bf16": False, "logging_steps": 1}
    values = spec(tiny_model, rows, per_device_train_batch_size=4, **shape)
    unbroken = steps(run(values, tmp_path / "out")[1])
    smaller = spec(
        tiny_model,
        rows,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=2,
        resume_from=checkpoints.folder_of(tmp_path / "out") / "checkpoint-4",
        **shape,
    )
    points = steps(run(smaller, tmp_path / "smaller")[1])
    assert sorted(points) == list(range(5, 13))
    for step, point in points.items():
        assert point["loss"] == pytest.approx(unbroken[step]["loss"], rel=1e-3)
        assert point["num_tokens"] == unbroken[step]["num_tokens"]


@pytest.mark.parametrize(
    ("method", "batch", "own"),
    [
        ("kto", 4, {}),
        ("grpo", 4, {"reward_funcs": "length", "reward_length": 5, "max_completion_length": 6, "max_length": 128}),
    ],
)
def test_methods_with_rules_of_their_own_go_on_with_half_the_batch(
    method: str, batch: int, own: dict[str, Any], tiny_model: Path, tmp_path: Path
) -> None:
    kind = "prompt" if method == "grpo" else "unpaired"
    work = reinforce.work if method == "grpo" else preference.work
    shape: dict[str, Any] = {"method": method, "max_steps": 4, "save_steps": 2, "save_total_limit": 9, **own}
    rows = store_rows(tmp_path, kind)
    for folder in (tmp_path / "out", tmp_path / "smaller"):
        folder.mkdir()
    work(spec(tiny_model, rows, kind, per_device_train_batch_size=batch, **shape), tmp_path / "out")
    middle = checkpoints.folder_of(tmp_path / "out") / "checkpoint-2"
    halved = {"per_device_train_batch_size": batch // 2, "gradient_accumulation_steps": 2}
    result = work(spec(tiny_model, rows, kind, middle, **halved, **shape), tmp_path / "smaller")
    assert result["steps"] == 4
    assert sorted(steps(events.read(tmp_path / "smaller")[0])) == [3, 4]


def test_memory_that_is_really_not_there_is_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 46)
    assert diagnosis.diagnose(caught.value).category == "memory"


def test_a_disk_without_room_ends_it_before_a_checkpoint_is_half_written(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = write_rows(tmp_path, "chat", sums(20))
    monkeypatch.setattr(disk_space, "RESERVE_BYTES", 1 << 62)
    with pytest.raises(contract.WorkFailedError, match="There is none before it") as caught:
        run(spec(tiny_model, rows, save_steps=2), tmp_path / "out")
    assert caught.value.category == "disk"
    assert checkpoints.in_order(tmp_path / "out") == []


def test_a_disk_that_fills_up_ends_it_with_a_checkpoint(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = write_rows(tmp_path, "chat", sums(20))
    free = shutil.disk_usage(tmp_path).free
    monkeypatch.setattr(disk_space, "RESERVE_BYTES", free + (1 << 30))  # as if somebody had just filled it
    monkeypatch.setattr(disk_space, "LEAST_SHARE", 0.0)
    monkeypatch.setattr(disk_space, "SECONDS_BETWEEN_LOOKS", 0)
    with pytest.raises(contract.WorkFailedError, match="step 1 was just written") as caught:
        run(spec(tiny_model, rows, save_steps=1000), tmp_path / "out")
    assert caught.value.category == "disk"
    assert checkpoints.newest_step(tmp_path / "out") == 1
    assert checkpoints.newest_good(tmp_path / "out")


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow above 150 kB: the system refuses the write, as it does on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.usefixtures("small_files")
def test_a_write_that_the_system_refuses_leaves_no_half_checkpoint(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(8))
    with pytest.raises(Exception, match=r"(?i)file too large|fail|unexpected") as caught:
        run(spec(tiny_model, rows, lora_r=64, save_steps=1), tmp_path / "out")
    assert diagnosis.diagnose(caught.value, free_bytes=0).category == "disk"
    assert checkpoints.in_order(tmp_path / "out") == []


def watcher(tmp_path: Path, **fields: Any) -> tuple[curve_watch.CurveWatch, checkpointing.Checkpoints]:
    recipe = Recipe(model_id="m", dataset_id="d", **fields)
    keeper = checkpointing.Checkpoints(tmp_path, checkpointing.Rules.of(recipe))
    return curve_watch.CurveWatch(tmp_path, recipe, keeper), keeper


def feed(watch: curve_watch.CurveWatch, tmp_path: Path, points: list[tuple[float, float]]) -> TrainerControl:
    """(loss, gradient norm) of one step after the other."""
    control, arguments = TrainerControl(), TrainingArguments(output_dir=str(tmp_path), use_cpu=True)
    for step, (loss, norm) in enumerate(points, 1):
        state = TrainerState(global_step=step)
        watch.on_log(arguments, state, control, logs={"loss": loss, "grad_norm": norm})
        if control.should_training_stop:
            break
    return control


def test_a_loss_that_runs_away_is_a_diagnosis_with_numbers_and_a_remedy(tmp_path: Path) -> None:
    curve = [(2.0, 1.0)] * 5 + [(9.0, 1.0)] * 60
    with pytest.raises(contract.WorkFailedError, match="around 2 at step 1, and 9 in the last 50") as caught:
        feed(watcher(tmp_path, learning_rate=1e-2)[0], tmp_path, curve)
    assert (caught.value.category, "learning_rate 0.001 instead of 0.01" in caught.value.hint) == ("config", True)
    feed(watcher(tmp_path, train_sampling_strategy="sequential")[0], tmp_path, curve)  # hard rows may come last
    feed(watcher(tmp_path, method="grpo")[0], tmp_path, curve)  # this loss is not meant to fall


def test_nothing_to_learn_from_the_start_is_a_fault_of_the_rows(tmp_path: Path) -> None:
    with pytest.raises(contract.WorkFailedError, match="every step from 1 to 20") as caught:
        feed(watcher(tmp_path)[0], tmp_path, [(0.0, 0.0)] * 30)
    assert caught.value.category == "data"


def test_nothing_left_to_learn_is_an_end_with_a_result(tmp_path: Path) -> None:
    watch, keeper = watcher(tmp_path, method="dpo")
    control = feed(watch, tmp_path, [(0.7, 1.0)] * 10 + [(0.0, 0.0)] * 30)
    assert (control.should_save, keeper.ended_early) == (True, 30)
    assert "nothing is left to learn" in notes(events.read(tmp_path)[0])


def test_gradients_of_nothing_are_a_diagnosis(tmp_path: Path) -> None:
    with pytest.raises(contract.WorkFailedError, match="gradients were 0") as caught:
        feed(watcher(tmp_path)[0], tmp_path, [(2.0, 0.0)] * 30)
    assert caught.value.category == "config"
    patient = watcher(tmp_path, method="grpo")[0]
    feed(patient, tmp_path, [(0.0, 0.0)] * (curve_watch.SILENT_STEPS_OF_REWARDS - 1))
    with pytest.raises(contract.WorkFailedError, match="The rewards gave all answers"):
        feed(patient, tmp_path, [(0.0, 0.0)])


def test_a_model_without_a_trainable_weight_is_refused(tmp_path: Path) -> None:
    frozen = torch.nn.Linear(2, 2).requires_grad_(False)
    with pytest.raises(contract.WorkFailedError, match="Nothing would be trained"):
        watcher(tmp_path)[0].on_train_begin(model=frozen)
