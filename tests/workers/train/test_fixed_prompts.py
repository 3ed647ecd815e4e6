"""Fixed prompts answered while a tiny model really trains: right, bounded, and without a trace in the losses."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.process import events
from engine.workers.fit import steps as fit_steps
from engine.workers.train import training
from engine.workers.train.answering import time_share
from tests.workers.train import several
from tests.workers.train.test_methods import recipe_spec
from tests.workers.train.training_runs import finish, spec, steps, sums, write_rows

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")

PROMPTS = ["What is 17 plus 6?", "The quick brown fox", "user"]
EVALUATED: dict[str, Any] = {"eval_fraction": 0.2, "eval_steps": 2, "max_steps": 6, "lora_dropout": 0.1}


def asking(values: dict[str, Any], folder: Path, prompts: list[str] = PROMPTS) -> dict[str, Any]:
    return values | {"samples": {"prompts": prompts, "answers": str(folder / "kept"), "free_seconds": 60.0}}


def answered(recorded: list[events.Event]) -> dict[int, list[tuple[str, str, int]]]:
    """step -> prompt, answer, tokens of each."""
    return {
        event.step: [(one.prompt, one.answer, one.tokens) for one in event.answers]
        for event in recorded
        if isinstance(event, events.Answered)
    }


@pytest.mark.parametrize(
    "recipe",
    [
        {"tuning": "lora", "gradient_checkpointing": True},
        {"tuning": "qlora", "gradient_checkpointing": False},
        {"tuning": "full"},
        {"tuning": "lora", "init_lora_weights": "pissa"},
    ],
    ids=lambda recipe: "-".join(map(str, recipe.values())),
)
def test_losses_are_the_same_to_the_last_bit_with_answers_and_without(
    recipe: dict[str, Any], tiny_model: Path, tmp_path: Path
) -> None:
    values = spec(tiny_model, write_rows(tmp_path, "chat", sums(24)), **EVALUATED | recipe)
    silent = finish(values, tmp_path / "silent")
    asked = finish(asking(values, tmp_path), tmp_path / "asked")
    assert steps(asked) == steps(silent)
    assert answered(silent) == {}
    found = answered(asked)
    assert sorted(found) == [0, 2, 4, 6]
    assert [prompt for prompt, _, _ in found[0]] == PROMPTS
    assert found[0] != found[6]


def test_answers_are_those_of_the_base_and_of_the_weights_that_were_saved(tiny_model: Path, tmp_path: Path) -> None:
    values = spec(tiny_model, write_rows(tmp_path, "chat", sums(24)), **EVALUATED, bf16=False)  # no ties
    out = tmp_path / "out"
    found = answered(finish(asking(values, tmp_path), out))
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    tokenizer = AutoTokenizer.from_pretrained(out / "adapter")
    tuned = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_model), out / "adapter")
    for model, step in ((base, 0), (tuned, 6)):
        for prompt, answer, tokens in found[step]:
            text = said(model, tokenizer, prompt)
            assert text.startswith(answer), (step, prompt)  # there may not have been time for all of it
            assert tokens > 0


def said(model: Any, tokenizer: Any, prompt: str) -> str:
    """What transformers' own generate says."""
    turns = [{"role": "user", "content": prompt}]
    ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    with torch.no_grad():
        output = model.eval().generate(**ids, do_sample=False, max_new_tokens=64)
    return str(tokenizer.decode(output[0, ids["input_ids"].shape[1] :], skip_special_tokens=True))


def test_no_answer_comes_before_the_first_loss_point_unless_it_is_kept_from_the_same_base(
    tiny_model: Path, tmp_path: Path
) -> None:
    values = asking(spec(tiny_model, write_rows(tmp_path, "chat", sums(24)), **EVALUATED), tmp_path)
    first = finish(values, tmp_path / "first")
    second = finish(values | {"recipe": values["recipe"] | {"seed": 7}}, tmp_path / "second")
    assert kinds(first).index("answered") > kinds(first).index("step")
    assert kinds(second).index("answered") < kinds(second).index("step")
    assert answered(first)[0] == answered(second)[0]


def kinds(recorded: list[events.Event]) -> list[str]:
    return [event.kind for event in recorded]


def test_without_prompts_the_first_held_out_rows_are_asked_and_a_resumed_run_asks_the_same(
    tiny_model: Path, tmp_path: Path
) -> None:
    values = spec(tiny_model, write_rows(tmp_path, "chat", sums(40)), **EVALUATED)
    found = answered(finish(asking(values, tmp_path, []), tmp_path / "out"))
    prompts = [prompt for prompt, _, _ in found[0]]
    assert len(prompts) == 4
    assert all(prompt.startswith("What is ") for prompt in prompts)
    kept = json.loads((tmp_path / "out" / "prompts.json").read_text())
    assert [prompt["text"] for prompt in kept] == prompts


@pytest.mark.parametrize("method", ["grpo", "dpo"])
def test_methods_that_draw_answers_or_hold_a_reference_learn_the_same_too(
    method: str, tiny_model: Path, tmp_path: Path
) -> None:
    values = recipe_spec(tiny_model, tmp_path, method, eval_fraction=0.25, eval_steps=2, lora_dropout=0.1)
    silent = in_this_process(values, tmp_path / "silent")
    asked = in_this_process(asking(values, tmp_path, []), tmp_path / "asked")
    assert timeless(asked) == timeless(silent)
    found = answered(asked)
    assert sorted(found) == [0, 2, 4]
    assert all(prompt.startswith("What is ") for prompt, _, _ in found[4])


def timeless(recorded: list[events.Event]) -> dict[int, dict[str, float]]:
    """Without the time of a step, which TRL tells of methods that write answers."""
    return {
        step: {name: value for name, value in metrics.items() if "step_time" not in name}
        for step, metrics in steps(recorded).items()
    }


def in_this_process(values: dict[str, Any], out: Path) -> list[events.Event]:
    out.mkdir()
    training.train(values, out, fit_steps.FAMILIES[values["recipe"]["method"]])
    return events.read(out)[0]


def test_a_reward_model_answers_nothing_and_says_so(tiny_model: Path, tmp_path: Path) -> None:
    recorded = in_this_process(asking(recipe_spec(tiny_model, tmp_path, "reward"), tmp_path), tmp_path / "out")
    assert answered(recorded) == {}
    notes = [event.message for event in recorded if isinstance(event, events.Note)]
    assert any("gives a number" in note for note in notes)


def test_learnt_tokens_before_each_row_answer_too_and_nothing_evaluated_means_as_often_as_that_would_be(
    tiny_model: Path, tmp_path: Path
) -> None:
    values = spec(tiny_model, write_rows(tmp_path, "chat", sums(24)), tuning="prompt", eval_fraction=0.0)
    found = answered(in_this_process(asking(values, tmp_path), tmp_path / "out"))
    assert sorted(found) == [0, 1, 2, 3, 4]
    assert all(tokens > 0 for _, _, tokens in found[4])


def test_of_two_processes_the_first_alone_answers_and_none_waits_for_ever(tiny_model: Path, tmp_path: Path) -> None:
    two = {"strategy": "ddp", "num_processes": 2, "per_device_train_batch_size": 2}
    values = spec(tiny_model, write_rows(tmp_path, "chat", sums(24)), **EVALUATED | two)
    recorded = several.finish_warm(asking(values, tmp_path), tmp_path / "out")
    told = [event.step for event in recorded if isinstance(event, events.Answered)]
    assert sorted(told) == [0, 2, 4, 6]


def test_where_time_is_short_it_is_kept_and_said(tiny_model: Path, tmp_path: Path) -> None:
    values = spec(tiny_model, write_rows(tmp_path, "chat", sums(24)), **EVALUATED | {"eval_steps": 1})
    values["samples"] = {"prompts": PROMPTS, "answers": str(tmp_path / "kept"), "free_seconds": 0.0}
    recorded = in_this_process(values, tmp_path / "out")
    notes = " ".join(event.message for event in recorded if isinstance(event, events.Note))
    assert "a tenth of the training's time" in notes
    assert {0, 6} <= answered(recorded).keys()  # the first and the last weights in any case, if only one short answer
    for event in recorded:
        if isinstance(event, events.Answered) and time_share.SHORTLY not in notes:
            assert event.cost["seconds"] <= 0.1 * event.cost["training_seconds"] + 1  # a look at the speed is extra
