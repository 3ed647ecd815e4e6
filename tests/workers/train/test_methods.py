"""Every method trains a tiny model for real; what it leaves is opened again and answers differently."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.modeling_utils import AttentionInterface

from engine.process import events
from engine.recipes.methods import GENERATING, METHODS
from engine.sweeps import reported
from engine.weights import checkpoints
from engine.workers import contract
from engine.workers.train import family_preference, family_reinforce, training
from engine.workers.tuning import model as training_model
from tests.waiting import wait_for
from tests.workers.train.judged import assistant_turns, labelled, pairs, prompts, question_turns, store_rows
from tests.workers.train.training_runs import only, spec, start, steps

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]

SHORT_ANSWERS: dict[str, Any] = {
    "max_completion_length": 12,
    "reward_funcs": "length, exact_match",
    "reward_weights": "1, 2",
    "reward_length": 10,
}
OWN: dict[str, dict[str, Any]] = {
    "simpo": {"simpo_gamma": 1.0},
    "cpo": {"loss_type": "hinge"},
    "grpo": SHORT_ANSWERS,
    "rloo": SHORT_ANSWERS,
}
NEW = [method for method in METHODS if method not in ("sft", "cpt", "gkd")]  # gkd: test_distil


def train(values: dict[str, Any], out: Path) -> list[events.Event]:
    """The worker's own function in this process, which has TRL imported already."""
    out.mkdir(exist_ok=True)
    worker = family_reinforce if values["recipe"]["method"] in GENERATING else family_preference
    events.append(out, events.Finished(result=worker.train(values, out)))
    return events.read(out)[0]


def fails(values: dict[str, Any], out: Path) -> contract.WorkFailedError:
    with pytest.raises(contract.WorkFailedError) as caught:
        train(values, out)
    return caught.value


def recipe_spec(model: Path, folder: Path, method: str, rows: Any = None, **fields: Any) -> dict[str, Any]:
    kind = METHODS[method].kinds[0]
    return spec(model, store_rows(folder, kind, rows), kind, method=method, **(OWN.get(method, {}) | fields))


@torch.no_grad()
def logits_of(model: torch.nn.Module) -> torch.Tensor:
    return model.eval()(input_ids=torch.arange(40)[None]).logits


def base_of(model: Path, method: str) -> torch.nn.Module:
    if method == "reward":
        return AutoModelForSequenceClassification.from_pretrained(model, num_labels=1)
    return AutoModelForCausalLM.from_pretrained(model)


@pytest.mark.parametrize("method", NEW)
def test_an_adapter_is_trained_saved_and_changes_the_model(method: str, tiny_model: Path, tmp_path: Path) -> None:
    recorded = train(recipe_spec(tiny_model, tmp_path, method, eval_fraction=0.2, eval_steps=2), tmp_path / "out")
    assert only(recorded, events.Finished).result["artifact"] == "adapter"
    assert only(recorded, events.Finished).result["steps"] == 4
    points = steps(recorded)
    assert sorted(points) == [1, 2, 3, 4]
    assert {"loss", "learning_rate", "grad_norm", "num_tokens"} <= set(points[1])
    assert points[4]["num_tokens"] > points[1]["num_tokens"] > 0
    assert {name for name in ("eval_loss", "eval_reward") if name in points[4]} == {METHODS[method].measure}
    assert set(reported.metrics({"method": method, **OWN.get(method, {})})) <= set(points[4])
    assert only(recorded, events.Started).facts["fast_loss"] == (method != "reward")
    base = base_of(tiny_model, method)
    base_logits = logits_of(base)
    assert not torch.equal(logits_of(PeftModel.from_pretrained(base, tmp_path / "out" / "adapter")), base_logits)
    pickles = [path for path in (tmp_path / "out").rglob("*") if path.suffix in (".bin", ".pkl")]
    assert pickles == []


@pytest.mark.parametrize("method", ["dpo", "kto", "reward"])
def test_full_tuning_leaves_a_whole_model(method: str, tiny_model: Path, tmp_path: Path) -> None:
    recorded = train(recipe_spec(tiny_model, tmp_path, method, tuning="full", max_steps=8), tmp_path / "out")
    assert only(recorded, events.Finished).result["artifact"] == "model"
    reopened = base_of(tmp_path / "out" / "model", method)
    assert not torch.equal(logits_of(reopened), logits_of(base_of(tiny_model, method)))


def test_a_reward_model_learns_to_prefer_and_keeps_its_head(tiny_model: Path, tmp_path: Path) -> None:
    recorded = train(recipe_spec(tiny_model, tmp_path, "reward", max_steps=12), tmp_path / "out")
    assert steps(recorded)[12]["accuracy"] == 1.0
    saved = load_file(tmp_path / "out" / "adapter" / "adapter_model.safetensors")
    assert any("score" in name for name in saved)
    assert "text-classification" in (tmp_path / "out" / "adapter" / "README.md").read_text()


def test_preferences_move_apart(tiny_model: Path, tmp_path: Path) -> None:
    points = steps(train(recipe_spec(tiny_model, tmp_path, "dpo", max_steps=8), tmp_path / "out"))
    assert points[8]["loss"] < points[1]["loss"] == pytest.approx(0.693, abs=0.001)
    assert points[8]["rewards/margins"] > 0.1


def test_a_reward_is_earned_more_and_more(tiny_model: Path, tmp_path: Path) -> None:
    fields = {"reward_funcs": "length", "reward_weights": "", "reward_length": 6, "per_device_train_batch_size": 8}
    values = recipe_spec(tiny_model, tmp_path, "grpo", max_steps=16, num_train_epochs=9, learning_rate=2e-2, **fields)
    points = steps(train(values, tmp_path / "out"))
    rewards = [points[step]["reward"] for step in sorted(points)]
    assert sum(rewards[-4:]) > sum(rewards[:4])


def test_completions_are_right_answers_to_what_the_model_answers_itself(tiny_model: Path, tmp_path: Path) -> None:
    rows = store_rows(tmp_path, "completion")
    values = spec(tiny_model, rows, "completion", method="rloo", max_completion_length=8, max_steps=1)
    assert "The rewards gave all answers" in fails(values, tmp_path / "out").hint  # nobody was right
    assert steps(events.read(tmp_path / "out")[0])[1]["rewards/exact_match/mean"] == 0
    train_rows = family_reinforce._rows(training.Spec.read(values), base_for(values), tmp_path / "out").train
    assert [row["extra"] for row in train_rows][:2] == ['{"completion": "0"}', '{"completion": "2"}']


def base_for(values: dict[str, Any]) -> training_model.Base:
    parsed = training.Spec.read(values)
    tokenizer = training_model.load_tokenizer(parsed.model_path)
    return training_model.load(parsed.recipe, parsed.model_path, "cpu", tokenizer)


LONG: dict[str, Any] = {"max_steps": 20, "save_steps": 4, "lora_dropout": 0.1, "gradient_accumulation_steps": 2}


def test_killed_and_resumed_it_is_as_if_nothing_had_happened(tiny_model: Path, tmp_path: Path) -> None:
    values = recipe_spec(tiny_model, tmp_path, "dpo", **LONG)
    unbroken = steps(train(values, tmp_path / "unbroken"))
    out = tmp_path / "killed"
    with start(values, out) as process:
        wait_for(lambda: checkpoints.newest_good(out), seconds=200, every=0.005)
        process.kill()
    reference_files = sorted((out / "rows").glob("cache-*.arrow"))
    assert reference_files  # more than one epoch, so the reference was asked about every row
    values |= {"resume_from": str(checkpoints.newest_good(out)), "attempt": 2}
    assert steps(train(values, out)) == unbroken
    assert sorted((out / "rows").glob("cache-*.arrow")) == reference_files  # and was not asked again
    digests = {
        hashlib.sha256((tmp_path / name / "adapter" / "adapter_model.safetensors").read_bytes()).hexdigest()
        for name in ("killed", "unbroken")
    }
    assert len(digests) == 1


def test_a_stop_is_heard_while_the_reference_is_asked(tiny_model: Path, tmp_path: Path) -> None:
    values = recipe_spec(tiny_model, tmp_path, "dpo", precompute_ref_log_probs=True)
    train(values, tmp_path / "out")  # leaves tokenised rows, so that no stop is heard there
    for cached in (tmp_path / "out" / "rows").glob("cache-*.arrow"):
        cached.unlink()
    (tmp_path / "out" / "stop.request").touch()
    with pytest.raises(contract.Stopped):
        train(values, tmp_path / "out")


@pytest.mark.parametrize("first", [False, True], ids=["asked in each step", "asked before"])
def test_before_anything_is_learnt_model_and_reference_say_the_same(
    first: bool, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In bfloat16 too: answers differ by less than what roundings add up to over a row."""
    monkeypatch.setitem(AttentionInterface._global_mapping, "sdpa", sdpa_attention_forward)  # as in a new process
    values = recipe_spec(tiny_model, tmp_path, "dpo", bf16=True, max_steps=1, precompute_ref_log_probs=first)
    point = steps(train(values, tmp_path / "out"))[1]
    assert point["rewards/margins"] == 0
    assert point["loss"] == pytest.approx(0.6931, abs=1e-4)


def test_a_model_without_a_chat_template_gets_a_plain_one(tiny_model: Path, tmp_path: Path) -> None:
    plain = shutil.copytree(tiny_model, tmp_path / "plain")
    (plain / "chat_template.jinja").unlink()
    recorded = train(recipe_spec(plain, tmp_path, "orpo", max_steps=1), tmp_path / "out")
    assert "no chat template" in only(recorded, events.Note).message
    assert (tmp_path / "out" / "adapter" / "chat_template.jinja").exists()


def notes(recorded: list[events.Event]) -> str:
    return "\n".join(event.message for event in recorded if isinstance(event, events.Note))


def test_pairs_that_are_alike_and_rows_too_long_to_score_are_left_out(tiny_model: Path, tmp_path: Path) -> None:
    rows = pairs(6)
    rows.append(
        {"prompt": question_turns(1), "chosen": assistant_turns("the same"), "rejected": assistant_turns("the same")}
    )
    rows.append(
        {"prompt": question_turns(2), "chosen": assistant_turns("long " * 200), "rejected": assistant_turns("short")}
    )
    recorded = train(recipe_spec(tiny_model, tmp_path, "reward", rows, max_steps=1), tmp_path / "scored")
    assert "2 rows are longer than 128 tokens, or empty" in notes(recorded)
    assert only(recorded, events.Started).facts["rows"] == 6
    recorded = train(recipe_spec(tiny_model, tmp_path, "dpo", rows, max_steps=1), tmp_path / "compared")
    assert "1 rows are longer than 128 tokens and are cut" in notes(recorded)
    assert only(recorded, events.Started).facts["rows"] == 7
    same = [{"prompt": question_turns(1), "chosen": assistant_turns("a"), "rejected": assistant_turns("a")}]
    assert "not all alike" in fails(recipe_spec(tiny_model, tmp_path, "dpo", same), tmp_path / "none").hint


def test_an_imbalance_of_labels_is_told_with_the_weight_that_mends_it(tiny_model: Path, tmp_path: Path) -> None:
    recorded = train(recipe_spec(tiny_model, tmp_path, "kto", max_steps=1), tmp_path / "more")
    assert "16 good and 8 bad answers; undesirable_weight 2" in notes(recorded)
    recorded = train(recipe_spec(tiny_model, tmp_path, "kto", max_steps=1, undesirable_weight=2.0), tmp_path / "mended")
    assert "good and" not in notes(recorded)
    good = [row for row in labelled() if row["label"]]
    recorded = train(recipe_spec(tiny_model, tmp_path, "kto", good, max_steps=1), tmp_path / "one")
    assert "All 16 rows are marked good" in notes(recorded)


def test_prompts_that_cannot_be_judged_or_fill_no_step_are_a_data_failure(tiny_model: Path, tmp_path: Path) -> None:
    missing = fails(recipe_spec(tiny_model, tmp_path, "grpo", reward_column="solution"), tmp_path / "a")
    assert "no column `solution`" in missing.message
    assert "its columns: ground_truth" in missing.message
    few = fails(recipe_spec(tiny_model, tmp_path, "grpo", prompts(1), gradient_accumulation_steps=2), tmp_path / "b")
    assert few.message == "A step takes 2 prompts, and there are 1."
    long = recipe_spec(tiny_model, tmp_path, "grpo", max_length=1024, max_completion_length=600)
    assert "no room for a prompt" in fails(long, tmp_path / "c").message
