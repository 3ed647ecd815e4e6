"""A reward model judges answers as it would judge rows of its own training; and rewards of all sorts in a training."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification

from engine.process import events
from engine.recipes.methods import METHODS
from engine.workers import contract
from engine.workers.rewards import model as reward_model
from engine.workers.train import family_preference, family_reinforce
from tests.workers.train.judged import assistant_turns, question_turns, store_rows
from tests.workers.train.training_runs import only, spec, steps

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]


@pytest.fixture(scope="module")
def judge(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The adapter, with its head, that a training of the method reward leaves."""
    out = tmp_path_factory.mktemp("judge")
    values = spec(tiny_model, store_rows(out, "preference"), "preference", method="reward", max_steps=6, bf16=False)
    assert family_preference.train(values, out)["artifact"] == "adapter"
    return out / "adapter"


@torch.no_grad()
def directly(tiny_model: Path, judge: Path, tokenizer: Any, prompt: Any, answer: str) -> float:
    """What the model says about one answer, alone and unpadded."""
    base = AutoModelForSequenceClassification.from_pretrained(tiny_model, num_labels=1)
    base.config.pad_token_id = tokenizer.pad_token_id
    model = PeftModel.from_pretrained(base, judge).eval()
    text = tokenizer.apply_chat_template([*prompt, *assistant_turns(answer)], tokenize=False)
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    return float(model(input_ids=ids).logits[0, 0])


def test_scores_are_the_models_own(tiny_model: Path, judge: Path, tokenizer: Any) -> None:
    scorer = reward_model.load(tiny_model, judge, "cpu", torch.float32)
    answers = [f"{n + n}." * (1 + n % 3) for n in range(reward_model.ROWS_AT_ONCE + 4)]
    scores = scorer([question_turns(n) for n in range(len(answers))], answers)
    assert len(set(scores)) > 10
    for number in (0, 5, len(answers) - 1):
        expected = directly(tiny_model, judge, tokenizer, question_turns(number), answers[number])
        assert scores[number] == pytest.approx(expected, abs=1e-4)
    # Longer than the model can read.
    assert scorer([question_turns(1), question_turns(2)], ["word " * 600, "4."])[0] is None
    good, bad = scorer([question_turns(3)] * 2, ["6.", "No 3 idea, dog!"])
    assert good is not None
    assert bad is not None
    assert good > bad  # as it has learnt


def test_a_model_that_gives_no_single_score_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(tiny_model, num_labels=2)
    model.save_pretrained(tmp_path)
    for file in tiny_model.glob("*token*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(contract.WorkFailedError, match="answers with 2 numbers"):
        reward_model.load(tmp_path, None, "cpu", torch.float32)
    with pytest.raises(contract.WorkFailedError, match="The reward model cannot be loaded"):
        reward_model.load(tiny_model, tmp_path, "cpu", torch.float32)


def reinforced(model: Path, folder: Path, **fields: Any) -> list[events.Event]:
    defaults: dict[str, Any] = {"method": "grpo", "max_completion_length": 12, "bf16": False, "max_steps": 3}
    companion = fields.pop("companion", None)
    values = spec(model, store_rows(folder, "prompt"), "prompt", **(defaults | fields)) | {"companion": companion}
    out = folder / "out"
    out.mkdir()
    events.append(out, events.Finished(result=family_reinforce.train(values, out)))
    return events.read(out)[0]


def test_answers_are_judged_by_the_reward_model_also_on_held_out_prompts(
    tiny_model: Path, judge: Path, tmp_path: Path
) -> None:
    names = "reward_model, length"
    fields = {"reward_funcs": names, "reward_model_id": "run", "eval_fraction": 0.2, "eval_steps": 2}
    companion = {"path": str(tiny_model), "adapter": str(judge)}
    recorded = reinforced(tiny_model, tmp_path, companion=companion, **fields)
    points = steps(recorded)
    for name in ("rewards/reward_model/mean", "rewards/reward_model/std", "rewards/length/mean", "reward"):
        assert all(name in point for point in points.values())
    assert points[1]["reward"] == pytest.approx(
        points[1]["rewards/reward_model/mean"] + points[1]["rewards/length/mean"], abs=1e-4
    )
    assert points[2][METHODS["grpo"].measure] == pytest.approx(
        points[2]["eval_rewards/reward_model/mean"] + points[2]["eval_rewards/length/mean"], abs=1e-4
    )
    assert "eval_loss" not in points[2]
    facts = only(recorded, events.Started).facts
    assert (facts["rows"], facts["eval_rows"]) == (13, 3)


def test_a_function_of_ones_own_teaches_and_may_leave_answers_uncounted(tiny_model: Path, tmp_path: Path) -> None:
    code = "def reward(completion):\n    return -len(completion) if len(completion) % 2 else None"
    points = steps(reinforced(tiny_model, tmp_path, reward_funcs="python, length", reward_code=code))
    assert all(point["rewards/python/mean"] < 0 for point in points.values())


def test_a_reward_that_counts_nothing_at_all_has_no_point(tiny_model: Path, tmp_path: Path) -> None:
    fields = {"reward_funcs": "python, length", "reward_length": 20, "reward_code": "def reward(): return None"}
    points = steps(reinforced(tiny_model, tmp_path, **fields))
    assert "rewards/python/mean" not in points[1]
    assert points[1]["reward"] == pytest.approx(points[1]["rewards/length/mean"])


@pytest.mark.parametrize("line", ["while True: pass", "raise ValueError(completion)", "return completion"])
def test_a_function_that_goes_wrong_ends_the_training_as_a_setting_to_correct(
    line: str, tiny_model: Path, tmp_path: Path
) -> None:
    fields = {"reward_funcs": "python", "reward_code": f"def reward(completion):\n    {line}", "reward_seconds": 0.5}
    with pytest.raises(contract.WorkFailedError, match="Answer 1 of the batch") as caught:
        reinforced(tiny_model, tmp_path, **fields)
    assert caught.value.category == "config"
