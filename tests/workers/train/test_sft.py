"""Real trainings of a tiny model, as the program the studio starts: every tuning, every ending, every resume."""

import hashlib
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.process import events
from engine.sweeps import reported
from engine.weights import checkpoints
from engine.workers import contract
from engine.workers.train import training
from engine.workers.train.reporting import line_of
from tests.waiting import wait_for
from tests.workers.train.training_runs import chat, finish, only, spec, start, steps, sums, write_rows

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


def logits(model: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(input_ids=torch.arange(40)[None]).logits


def fails(values: dict[str, Any], out: Path) -> contract.WorkFailedError:
    """Trains in this process, where failing takes a moment."""
    out.mkdir(exist_ok=True)
    with pytest.raises(contract.WorkFailedError) as caught:
        training.train(values, out)
    return caught.value


def test_a_point_is_a_line_of_words_whatever_the_method_is_judged_by() -> None:
    point = {"loss": 0.0, "reward": 1.25, "rewards/margins": 0.031257, "learning_rate": 2e-5, "kl": 0.1}
    assert line_of(point) == "loss 0, reward 1.25, margin 0.03126, learning rate 2e-05"
    assert line_of({"loss": float("nan"), "tokens_per_second": 12345.6}) == "loss nan, 12,346 tokens/s"
    assert line_of({"epoch": 1.0}) == ""


@pytest.mark.parametrize("tuning", ["lora", "qlora"])
def test_an_adapter_is_trained_saved_and_changes_the_model(tuning: str, tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(24))
    recorded = finish(spec(tiny_model, rows, tuning=tuning, eval_fraction=0.2, eval_steps=2), tmp_path / "out")
    result = only(recorded, events.Finished)
    assert (result.outcome, result.result["artifact"], result.result["steps"]) == ("succeeded", "adapter", 4)
    started = only(recorded, events.Started)
    assert started.total_steps == 4
    assert started.facts["fast_loss"] is True
    assert started.facts["usual_labels"] > 0  # rows of similar length share a step: each token pulls alike
    assert (started.facts["rows"], started.facts["eval_rows"], started.facts["device"]) == (19, 5, "cpu")
    points = steps(recorded)
    assert sorted(points) == [1, 2, 3, 4]
    assert {"loss", "learning_rate", "grad_norm", "epoch", "num_tokens"} <= set(points[1])
    assert "eval_loss" in points[2]
    assert set(reported.metrics({"method": "sft"})) <= set(points[4])
    log = (tmp_path / "out" / "output.log").read_text().splitlines()
    assert [line.partition(":")[0] for line in log if line.startswith("step ")] == [
        f"step {number} of 4" for number in (1, 2, 2, 3, 4, 4)
    ]
    (said,) = (line for line in log if line.startswith(f"step 2 of 4: loss {points[2]['loss']:.4g}, learning rate "))
    assert said.endswith(" tokens/s")
    assert f"step 2 of 4: held-out loss {points[2]['eval_loss']:.4g}" in log
    assert not [line for line in log if line.startswith("{")]  # no dict of Python
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    before = logits(base)
    adapted = PeftModel.from_pretrained(base, tmp_path / "out" / "adapter")
    assert not torch.equal(logits(adapted), before)
    assert_nothing_but_safetensors(tmp_path / "out" / "adapter")


def assert_nothing_but_safetensors(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert not {name for name in names if name.endswith((".bin", ".pt", ".pkl", ".pth"))}
    assert {"README.md", "tokenizer.json", "chat_template.jinja"} <= names
    assert "Trained with Tunesmith" in (folder / "README.md").read_text()


def test_full_tuning_leaves_a_whole_model(tiny_model: Path, tmp_path: Path) -> None:
    texts = [f"The quick brown fox {number} jumps" for number in range(20)]
    values = spec(tiny_model, write_rows(tmp_path, "text", texts), "text", tuning="full", method="cpt")
    recorded = finish(values, tmp_path / "out")
    assert only(recorded, events.Finished).result["artifact"] == "model"
    folder = tmp_path / "out" / "model"
    trained = AutoModelForCausalLM.from_pretrained(folder)
    assert not torch.equal(logits(trained), logits(AutoModelForCausalLM.from_pretrained(tiny_model)))
    assert_nothing_but_safetensors(folder)
    facts = only(recorded, events.Started).facts
    assert facts["trainable_parameters"] == facts["total_parameters"]


LONG: dict[str, Any] = {
    "max_steps": 60,
    "save_steps": 7,
    "lora_dropout": 0.1,
    "gradient_accumulation_steps": 2,
    "per_device_train_batch_size": 2,
    "logging_steps": 2,
}


def adapter_hash(out: Path) -> str:
    return hashlib.sha256((out / "adapter" / "adapter_model.safetensors").read_bytes()).hexdigest()


def saved(out: Path, step: int) -> bool:
    return any(isinstance(event, events.Saved) and event.step >= step for event in events.read(out)[0])


def test_killed_and_resumed_it_is_as_if_nothing_had_happened(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(43))
    fields = LONG | {"eval_fraction": 0.1, "eval_steps": 11, "load_best_model_at_end": True}
    recorded = finish(spec(tiny_model, rows, **fields), tmp_path / "unbroken")
    unbroken, best = steps(recorded), only(recorded, events.Finished).result["best_step"]
    out = tmp_path / "killed"
    with start(spec(tiny_model, rows, **fields), out) as process:
        wait_for(lambda: saved(out, 14), seconds=120, every=0.005)
        process.kill()
    assert not (out / "adapter").exists()
    checkpoint = checkpoints.newest_good(out)
    assert checkpoint is not None
    assert not (checkpoint / "training_args.bin").exists()
    resumed = finish(spec(tiny_model, rows, resume_from=checkpoint, **fields), out)
    assert only(resumed, events.Started).facts["resumed_from_step"] == checkpoints.step_of(checkpoint)
    assert steps(resumed) == unbroken  # every loss and gradient norm, to the last bit
    assert adapter_hash(out) == adapter_hash(tmp_path / "unbroken")
    assert only(resumed, events.Finished).result["best_step"] == best
    checkpoint_steps = {checkpoints.step_of(folder) for folder in checkpoints.in_order(out)}
    assert best in checkpoint_steps
    assert len(checkpoint_steps - {best}) <= 2  # save_total_limit, and the best


def test_stopped_it_leaves_a_checkpoint_to_go_on_from(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(43))
    endless_fields = LONG | {"max_steps": 100_000, "save_steps": 100_000}
    with start(spec(tiny_model, rows, **endless_fields), tmp_path) as process:
        wait_for(lambda: steps(events.read(tmp_path)[0]), seconds=120)
        (tmp_path / "stop.request").touch()
        assert process.wait(timeout=280) == 0
    stopped = only(events.read(tmp_path)[0], events.Finished)
    assert stopped.outcome == "stopped"
    checkpoint = checkpoints.newest_good(tmp_path)
    assert checkpoint is not None
    assert checkpoints.step_of(checkpoint) == stopped.result["steps"]
    (tmp_path / "stop.request").unlink()
    shorter_fields = endless_fields | {"max_steps": checkpoints.step_of(checkpoint) + 2}
    finished = only(finish(spec(tiny_model, rows, resume_from=checkpoint, **shorter_fields), tmp_path), events.Finished)
    assert (finished.outcome, finished.result["steps"]) == ("succeeded", checkpoints.step_of(checkpoint) + 2)


def test_a_terminated_training_saves_and_claims_nothing(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(43))
    with start(spec(tiny_model, rows, max_steps=100_000, save_steps=100_000), tmp_path) as process:
        wait_for(lambda: steps(events.read(tmp_path)[0]), seconds=120)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=280) == 143
    assert checkpoints.newest_good(tmp_path)
    assert not [event for event in events.read(tmp_path)[0] if isinstance(event, events.Finished | events.Failed)]


def damage(checkpoint: Path) -> None:
    weights = checkpoint / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8] + bytes(range(8)))


def test_a_damaged_checkpoint_is_put_aside_and_the_one_before_is_resumed_from(tiny_model: Path, tmp_path: Path) -> None:
    rows, out = write_rows(tmp_path, "chat", sums(8)), tmp_path / "out"
    asked: dict[str, Any] = {"save_steps": 2, "save_total_limit": 3}
    unbroken = steps(finish(spec(tiny_model, rows, **asked), out))
    two, four = checkpoints.in_order(out)
    damage(four)
    (four.parent / "checkpoint-3").mkdir()  # one that was being written when the machine went down
    said = finish(spec(tiny_model, rows, resume_from=four, **asked), out)
    assert only(said, events.Started).facts["resumed_from_step"] == checkpoints.step_of(two) == 2
    assert steps(said) == unbroken
    assert "step 4 is damaged" in only(said, events.Note).message
    assert {path.name for path in (out / "quarantine").iterdir()} == {"checkpoint-3", "checkpoint-4"}


def test_with_no_good_checkpoint_left_it_begins_from_the_start(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(8))
    training.train(spec(tiny_model, rows), tmp_path)
    before = adapter_hash(tmp_path)
    (only_one,) = checkpoints.in_order(tmp_path)
    damage(only_one)
    assert training.train(spec(tiny_model, rows, resume_from=only_one), tmp_path)["steps"] == 4
    assert "starts again from the beginning" in only(events.read(tmp_path)[0], events.Note).message
    assert adapter_hash(tmp_path) == before


def test_a_damaged_checkpoint_of_another_run_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(8))
    training.train(spec(tiny_model, rows), tmp_path)
    (other,) = checkpoints.in_order(tmp_path)
    damage(other)
    error = fails(spec(tiny_model, rows, resume_from=other), tmp_path / "mine")
    assert (error.category, "checkpoint-4" in error.message) == ("data", True)
    assert other.is_dir()


def test_a_run_killed_while_saving_its_result_resumes_at_the_end(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(8))
    training.train(spec(tiny_model, rows), tmp_path)
    before = adapter_hash(tmp_path)
    (tmp_path / "adapter").rename(tmp_path / "adapter.partial")
    result = training.train(spec(tiny_model, rows, resume_from=checkpoints.newest_good(tmp_path)), tmp_path)
    assert result["steps"] == 4
    assert adapter_hash(tmp_path) == before
    assert not (tmp_path / "adapter.partial").exists()


def test_packing_and_its_own_order_train(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "completion", [(f"{n} plus 1 is ", f"{n + 1}") for n in range(40)])
    values = spec(tiny_model, rows, "completion", packing=True, train_sampling_strategy="random", max_steps=2)
    assert training.train(values, tmp_path)["steps"] == 2


def test_gradient_checkpointing_changes_no_loss(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(12))
    loss_curves = []
    for recompute in (False, True):
        out = tmp_path / str(recompute)
        out.mkdir()
        training.train(spec(tiny_model, rows, gradient_checkpointing=recompute, bf16=False), out)
        loss_curves.append([point["loss"] for point in steps(events.read(out)[0]).values() if "loss" in point])
    assert loss_curves[1] == pytest.approx(loss_curves[0], rel=1e-5)


def test_a_stop_before_the_first_step_is_heard(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(8))
    training.train(spec(tiny_model, rows), tmp_path)  # leaves tokenised rows, so that no stop is heard there
    (tmp_path / "stop.request").touch()
    with pytest.raises(contract.Stopped):
        training.train(spec(tiny_model, rows), tmp_path)


def test_rows_without_answers_are_a_data_failure_that_the_studio_can_read(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", [chat("only a question")] * 3)
    failed = only(finish(spec(tiny_model, rows), tmp_path / "out", code=1), events.Failed)
    assert failed.category == "data"
    assert "None of the dataset's 3 rows" in failed.message
    assert failed.hint


def test_one_row_cannot_be_held_out(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(1))
    assert "hold one out" in fails(spec(tiny_model, rows, eval_fraction=0.5), tmp_path).message


def test_a_model_with_nan_weights_is_told_apart_from_a_high_learning_rate(tiny_model: Path, tmp_path: Path) -> None:
    damaged = shutil.copytree(tiny_model, tmp_path / "damaged")
    weights = load_file(damaged / "model.safetensors")
    weights["model.norm.weight"][3] = float("nan")
    save_file(weights, damaged / "model.safetensors", metadata={"format": "pt"})
    error = fails(spec(damaged, write_rows(tmp_path, "chat", sums(8))), tmp_path / "out")
    assert (error.category, "model.norm.weight" in error.message) == ("data", True)
    assert not [event for event in events.read(tmp_path / "out")[0] if isinstance(event, events.Step)]


def test_a_training_that_runs_away_is_stopped_with_advice(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(8))
    wild: dict[str, Any] = {
        "tuning": "full",
        "learning_rate": 1.0,
        "optim": "sgd",
        "max_grad_norm": 0,
        "max_steps": 200,
        "bf16": False,
    }
    huge = shutil.copytree(tiny_model, tmp_path / "huge")
    weights = {
        name: tensor * 1e9 if "embed" in name else tensor
        for name, tensor in load_file(huge / "model.safetensors").items()
    }
    weights["model.norm.weight"] *= 1e30
    save_file(weights, huge / "model.safetensors", metadata={"format": "pt"})
    error = fails(spec(huge, rows, **wild), tmp_path)
    assert error.category == "config"
    assert "learning_rate" in error.hint


def test_a_learning_rate_of_nothing_is_told(tiny_model: Path, tmp_path: Path) -> None:
    values = spec(tiny_model, write_rows(tmp_path, "chat", sums(8)), warmup_steps=1000, max_steps=1)
    assert "changed nothing" in fails(values, tmp_path).message
    assert not (tmp_path / "adapter").exists()


def test_unknown_layers_are_named_with_those_there_are(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(8))
    error = fails(spec(tiny_model, rows, target_modules="q_proj, wq"), tmp_path)
    assert "`wq`" in error.message
    assert "q_proj" in error.hint
    assert "`lm_head`" in fails(spec(tiny_model, rows, target_modules="lm_head"), tmp_path).message
    assert training.train(spec(tiny_model, rows, target_modules="q_proj,v_proj", max_steps=1), tmp_path)


def test_a_folder_without_a_model_is_told(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(8))
    assert "tokenizer cannot be loaded" in fails(spec(tmp_path / "none", rows), tmp_path).message
    broken = shutil.copytree(tiny_model, tmp_path / "broken")
    (broken / "model.safetensors").unlink()
    assert "model cannot be loaded" in fails(spec(broken, rows), tmp_path).message


def test_rows_are_cut_to_what_the_model_can_read(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", [*sums(8), chat("a", "b" * 2000)])
    training.train(spec(tiny_model, rows, max_length=100_000, max_steps=1), tmp_path)
    recorded = events.read(tmp_path)[0]
    assert only(recorded, events.Started).facts["max_length"] == 512
    assert only(recorded, events.Note).message == "1 rows are longer than 512 tokens and are cut at the end."


def test_a_template_of_our_own_goes_with_the_adapter(tiny_model: Path, tmp_path: Path) -> None:
    plain = shutil.copytree(tiny_model, tmp_path / "plain")
    (plain / "chat_template.jinja").unlink()
    training.train(spec(plain, write_rows(tmp_path, "chat", sums(8)), max_steps=1), tmp_path)
    assert "### assistant" in AutoTokenizer.from_pretrained(tmp_path / "adapter").chat_template
    assert "plain one" in only(events.read(tmp_path)[0], events.Note).message
