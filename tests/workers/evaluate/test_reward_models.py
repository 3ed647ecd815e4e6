"""Reward models in reports: as what is compared, and as the judge of what others have written."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.workers.contract import WorkFailedError
from engine.workers.evaluate import report
from engine.workers.rewards import model as reward_model
from engine.workers.train import family_preference
from tests.workers.evaluate.pupils import chats, side, spec, write
from tests.workers.train import training_runs
from tests.workers.train.judged import assistant_turns, pairs, question_turns, store_rows

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]
SEED = 9  # its untrained head finds the worse answers better


def trained(model: Path, out: Path, **fields: Any) -> Path:
    """What a training of a reward model leaves."""
    out.mkdir(exist_ok=True)
    recipe = {"method": "reward", "bf16": False, "seed": SEED, "max_steps": 12, **fields}
    values = training_runs.spec(model, store_rows(out, "preference"), "preference", **recipe)
    return out / str(family_preference.train(values, out)["artifact"])


@pytest.fixture(scope="module")
def judge(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter with its head; it prefers a sum to an excuse."""
    return trained(tiny_model, tmp_path_factory.mktemp("judge"))


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Pairs that it has not seen; the last one is longer than it can read."""
    long = {"prompt": question_turns(1), "chosen": assistant_turns("word " * 600), "rejected": assistant_turns("4.")}
    return write(tmp_path / "rows.parquet", "preference", [*pairs(64)[24:], long])


def compared(base: Mapping[str, Any], tuned: Mapping[str, Any], rows: Path, out: Path, **values: Any) -> dict[str, Any]:
    """The report as JSON knows it."""
    out.mkdir(exist_ok=True)
    kind, method = values.pop("kind", "preference"), values.pop("method", "reward")
    told: dict[str, Any] = json.loads(
        json.dumps(
            report.write(spec(dict(base), dict(tuned), rows, kind, method=method, **values), out), allow_nan=False
        )
    )
    return told


def metrics(told: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {metric["name"]: metric for metric in told["metrics"]}


def test_a_trained_reward_model_is_better_than_its_untrained_head(
    tiny_model: Path, judge: Path, rows: Path, tmp_path: Path
) -> None:
    tuned, base = side(tiny_model, judge, scores=True), side(tiny_model, scores=True, head_seed=SEED)
    told = compared(base, tuned, rows, tmp_path / "out")
    assert (told["verdict"], told["primary"], told["rows"]) == ("better", "preference_accuracy", 41)
    assert list(metrics(told)) == ["preference_accuracy", "preference_margin"], "no loss: it writes nothing"
    accuracy, margin = metrics(told).values()
    assert accuracy["tuned"] > 0.9
    assert accuracy["base"] < 0.5
    assert accuracy["left_out"] == 1, "the one that is too long"
    assert margin["verdict"] == "better"
    assert margin["low"] > 0
    assert told["skills"] is None
    lines = [json.loads(line) for line in (tmp_path / "out" / "rows.jsonl").read_text().splitlines()]
    scorer = reward_model.load(tiny_model, judge, "cpu", torch.float32)
    for line in lines[:3]:
        row = next(row for row in pairs(64) if row["prompt"][-1]["content"] == line["prompt"])
        better, worse = scorer([row["prompt"]] * 2, [line["expected"], row["rejected"][0]["content"]])
        assert better is not None
        assert worse is not None
        assert line["scores"]["preference_margin"][1] == pytest.approx(better - worse, abs=1e-4)
        assert line["tuned"] == f"better answer {better:.3g}, worse answer {worse:.3g}"
    assert compared(tuned, base | {"name": "model:b"}, rows, tmp_path / "back")["verdict"] == "worse"


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_the_untrained_head_is_the_one_that_the_training_began_with(
    tuning: str, tiny_model: Path, rows: Path, tmp_path: Path
) -> None:
    """One so small step changes next to nothing: what is left is the head at the start."""
    left = trained(tiny_model, tmp_path / "run", tuning=tuning, learning_rate=1e-6, max_steps=1)
    tuned = side(tiny_model, left, scores=True) if tuning == "lora" else side(left, scores=True)
    told = compared(side(tiny_model, scores=True, head_seed=SEED), tuned, rows, tmp_path / "out")
    margin = metrics(told)["preference_margin"]
    assert margin["tuned"] == pytest.approx(margin["base"], abs=1e-3)
    assert told["verdict"] == "no_proof"
    other = compared(side(tiny_model, scores=True, head_seed=SEED + 1), tuned, rows, tmp_path / "other")
    assert metrics(other)["preference_margin"]["base"] != pytest.approx(margin["base"], abs=5e-3)


def test_a_reward_model_may_begin_with_a_whole_model_that_a_run_left(
    tiny_model: Path, judge: Path, rows: Path, tmp_path: Path
) -> None:
    """That one has no head either, though it was trained here."""
    before = side(tiny_model, scores=True, head_seed=SEED, name="run:before")
    told = compared(before, side(tiny_model, judge, scores=True), rows, tmp_path / "out")
    assert told["verdict"] == "better"


def test_rows_without_two_answers_are_refused_with_what_to_choose(
    tiny_model: Path, judge: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "chat.parquet", "chat", chats([("What is 1 plus 1?", "2.")] * 3))
    base, tuned = side(tiny_model, scores=True, head_seed=SEED), side(tiny_model, judge, scores=True)
    with pytest.raises(WorkFailedError, match="pairs of a better and a worse answer") as refused:
        compared(base, tuned, path, tmp_path / "out", kind="chat")
    assert refused.value.hint == "Choose a preference dataset."


RECIPE = {"model_id": "m", "dataset_id": "d", "method": "grpo", "reward_funcs": "length, reward_model",
          "reward_weights": "1, 2", "reward_length": 10, "max_completion_length": 12,
          "reward_model_id": "judge"}  # fmt: skip


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    return write(tmp_path / "prompts.parquet", "prompt", [{"prompt": question_turns(n)} for n in range(24)])


def judged(model: Path, prompts: Path, out: Path, **values: Any) -> dict[str, Any]:
    """A report by the rewards of RECIPE: the model against itself under another name."""
    given = {"method": "grpo", "recipe": RECIPE, "kind": "prompt", **values}
    return compared(side(model), side(model, name="run:tuned"), prompts, out, **given)


def test_a_reward_model_judges_as_in_the_training_and_one_that_is_missing_or_broken_is_left_out_and_said(
    tiny_model: Path, judge: Path, prompts: Path, tmp_path: Path
) -> None:
    companion = {"path": str(tiny_model), "adapter": str(judge)}
    told = judged(tiny_model, prompts, tmp_path / "out", companion=companion)
    assert (told["primary"], told["verdict"], told["notes"]) == ("reward", "no_proof", [])
    scorer = reward_model.load(tiny_model, judge, "cpu", torch.bfloat16)
    lines = [json.loads(line) for line in (tmp_path / "out" / "rows.jsonl").read_text().splitlines()]
    for line in lines[:4]:
        (score,) = scorer([[{"role": "user", "content": line["prompt"]}]], [line["tuned"]])
        rewards = {name: values[1] for name, values in line["scores"].items()}
        assert rewards["reward:reward_model"] == pytest.approx(score, abs=0.05)
        assert rewards["reward"] == pytest.approx(
            rewards["reward:length"] + 2 * rewards["reward:reward_model"], rel=1e-3
        )
    gone = judged(tiny_model, prompts, tmp_path / "gone", companion_missing="reward_model_id names the run `x`.")
    assert gone["notes"] == ["The reward model was left out. reward_model_id names the run `x`."]
    assert {"reward", "reward:length"} <= metrics(gone).keys()
    assert "reward:reward_model" not in metrics(gone)
    writer = {"path": str(tiny_model), "adapter": None}  # it has no head that scores
    alone = judged(tiny_model, prompts, tmp_path / "alone", companion=writer,
                   recipe=RECIPE | {"reward_funcs": "reward_model", "reward_weights": ""})  # fmt: skip
    assert alone["notes"] == [
        "The reward model was left out. The reward model answers with 2 numbers, not with one score."
    ]
    assert (alone["verdict"], alone["sentence"]) == ("no_proof", "No proof. No row could be measured.")
