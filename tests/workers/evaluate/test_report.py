"""Two tiny models compared on rows: better, worse, no proof; the same for a seed; what cannot be asked is said."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from engine.process import events
from engine.rows.heldout import hold_out
from engine.workers import contract
from engine.workers.contract import WorkFailedError
from engine.workers.evaluate import report
from tests.workers.evaluate.pupils import chats, side, spec, teach, write

# PEFT asks for it.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

PAIRS = [(f"Which colour has number {number}?", "red") for number in range(40)]


@pytest.fixture(scope="module")
def tuned(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It answers every one of PAIRS rightly."""
    return teach(tiny_model, tmp_path_factory.mktemp("tuned") / "tuned", PAIRS)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write(tmp_path / "rows.parquet", "chat", chats(PAIRS))


def written(values: dict[str, Any], out: Path) -> dict[str, Any]:
    out.mkdir(exist_ok=True)
    found = report.write(values, out)
    json.dumps(found, allow_nan=False)
    return found


def same(found: dict[str, Any]) -> dict[str, Any]:
    """All but what a clock says."""
    return {name: value for name, value in found.items() if name not in ("seconds", "answers_per_second")}


def test_what_has_learnt_is_better_and_the_other_way_round_worse(
    tiny_model: Path, tuned: Path, rows: Path, tmp_path: Path
) -> None:
    found = written(spec(side(tiny_model), side(tuned), rows), tmp_path / "one")
    assert (found["verdict"], found["primary"], found["rows"], found["part"]) == ("better", "exact_match", 40, "own")
    first = found["metrics"][0]
    assert (first["name"], first["base"], first["verdict"]) == ("exact_match", 0, "better")
    assert first["tuned"] > 0.8
    assert first["low"] > 0
    loss = next(metric for metric in found["metrics"] if metric["name"] == "nll")
    assert loss["tuned"] < loss["base"]
    assert found["sentence"].startswith("Better.")
    lines = [json.loads(line) for line in (tmp_path / "one" / "rows.jsonl").read_text().splitlines()]
    assert len(lines) == 40
    right = next(line for line in lines if line["scores"]["exact_match"] == [0, 1])
    assert right["tuned"] == right["expected"]
    skills = found["skills"]
    assert skills["questions"] == sum(skill["questions"] for skill in skills["by_skill"])
    assert skills["loss"]["base"] > 0
    backwards = written(spec(side(tuned), side(tiny_model), rows), tmp_path / "two")
    assert backwards["verdict"] == "worse"
    worst = backwards["worse_rows"]
    assert len(worst) == 20
    assert all((row["base_score"], row["tuned_score"]) == (1, 0) for row in worst)


def test_shuffled_answers_prove_nothing(tiny_model: Path, tmp_path: Path) -> None:
    asked = [(f"What is {number} times 7?", f"{7 * number}.") for number in range(60)]
    answers = [answer for _, answer in asked[:30]]
    random.Random(1).shuffle(answers)
    shuffled = [(question, answer) for (question, _), answer in zip(asked, answers, strict=False)]
    pupil = teach(tiny_model, tmp_path / "shuffled", shuffled, steps=30)
    rows = write(tmp_path / "rows.parquet", "chat", chats(asked[30:]))
    found = written(spec(side(tiny_model), side(pupil), rows), tmp_path / "out")
    assert found["primary"] == "number_match"
    assert found["verdict"] in ("no_proof", "worse"), found["sentence"]


def test_the_same_seed_gives_the_same_after_a_cut_and_from_nothing(
    tiny_model: Path, tuned: Path, rows: Path, tmp_path: Path
) -> None:
    values = spec(side(tiny_model), side(tuned), rows)
    found = written(values, tmp_path / "one")
    assert found["answers_per_second"] > 0
    kept = sorted(Path(values["answers"]).glob("*.json"))
    kept[0].write_text("[")  # torn
    for file in kept[1::2]:
        file.unlink()
    assert same(written(values, tmp_path / "two")) == same(found)
    again = written(values, tmp_path / "three")
    assert same(again) == same(found)
    assert again["answers_per_second"] is None, "nothing was written anew"
    for file in Path(values["answers"]).glob("*.json"):
        file.unlink()
    assert same(written(values, tmp_path / "four")) == same(found)
    other = written(values | {"seed": 1, "limit": 30}, tmp_path / "five")
    assert other["rows"] == 30


def test_an_adapter_is_compared_with_its_base_and_both_are_loaded_once(
    tiny_model: Path, rows: Path, tmp_path: Path
) -> None:
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    network = get_peft_model(
        AutoModelForCausalLM.from_pretrained(tiny_model),
        LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM"),
    )
    network.save_pretrained(tmp_path / "adapter")
    values = spec(side(tiny_model), side(tiny_model, tmp_path / "adapter"), rows, limit=20)
    found = written(values, tmp_path / "out")
    whole = network.merge_and_unload()
    whole.save_pretrained(tmp_path / "whole", safe_serialization=True)
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if (tiny_model / file).exists():
            (tmp_path / "whole" / file).write_bytes((tiny_model / file).read_bytes())
    merged = written(spec(side(tiny_model), side(tmp_path / "whole"), rows, limit=20), tmp_path / "out2")
    for one, other in zip(found["metrics"], merged["metrics"], strict=True):
        assert one["base"] == other["base"], one["name"]
        assert one["tuned"] == pytest.approx(other["tuned"], rel=1e-3), one["name"]


@pytest.mark.filterwarnings("ignore:Position ids are not supported:UserWarning")
def test_adapters_that_put_tokens_before_rows_are_compared_too(tiny_model: Path, rows: Path, tmp_path: Path) -> None:
    from peft import PromptTuningConfig, get_peft_model  # noqa: PLC0415
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    config = PromptTuningConfig(num_virtual_tokens=3, task_type="CAUSAL_LM")
    network = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_model), config)
    network.save_pretrained(tmp_path / "adapter")
    values = spec(side(tiny_model), side(tiny_model, tmp_path / "adapter"), rows, limit=6)
    found = written(values, tmp_path / "out")
    loss = next(metric for metric in found["metrics"] if metric["name"] == "nll")
    assert loss["base"] != loss["tuned"]
    assert (found["rows"], found["verdict"], loss["rows"]) == (6, "no_proof", 6)


def test_rows_that_cannot_be_asked_are_counted_with_the_reason(tiny_model: Path, tuned: Path, tmp_path: Path) -> None:
    long = ("word " * 600, "red")
    empty = {"messages": [{"role": "user", "content": "Say nothing."}, {"role": "assistant", "content": " "}]}
    rows = write(tmp_path / "rows.parquet", "chat", [*chats([*PAIRS[:3], long]), empty])
    found = written(spec(side(tiny_model), side(tuned), rows), tmp_path / "out")
    assert (found["rows"], found["all_rows"], found["left_out"], found["verdict"]) == (3, 5, 2, "no_proof")
    assert set(found["left_out_why"]) == {
        "the expected answer is empty",
        "its prompt is longer than the model's context of 512 tokens",
    }
    one = write(tmp_path / "one.parquet", "chat", chats(PAIRS[:1]))
    alone = written(spec(side(tiny_model), side(tuned), one), tmp_path / "alone")
    assert (alone["rows"], alone["verdict"]) == (1, "no_proof")


def test_held_out_rows_are_read_and_those_that_chose_the_checkpoint_are_said(
    tiny_model: Path, tuned: Path, tmp_path: Path
) -> None:
    many = write(tmp_path / "rows.parquet", "chat", chats([*PAIRS, *((f"Row {n}?", f"{n}") for n in range(60))]))
    (tmp_path / "run").mkdir()
    held = hold_out.hold_out(hold_out.Rows(many, "chat", "family"), 0.2, tmp_path)
    held.write(tmp_path / "run")
    source = {"path": str(many), "kind": "chat", "held_out_path": str(tmp_path / "run" / "held_out.parquet")}
    learnt = [{key: source[key] for key in ("path", "kind", "held_out_path")}]
    values = spec(side(tiny_model), side(tuned), many, learnt=learnt) | {"rows": source}
    found = written(values, tmp_path / "out")
    positions = held.positions("test") if len(held.positions("test")) else held.positions("eval")
    lines = [json.loads(line) for line in (tmp_path / "out" / "rows.jsonl").read_text().splitlines()]
    assert sorted(line["row"] for line in lines) == sorted(int(place) + 1 for place in positions)
    assert (found["part"], found["chose_checkpoint"]) == ("eval", True)
    assert found["leakage"] | {"compared": 0} == {
        "exact": 0, "near": 0, "checked": len(positions), "compared": 0, "rows": []}  # fmt: skip
    assert found["leakage"]["compared"] == 100 - len(positions)
    unheld = written(values | {"learnt": [learnt[0] | {"held_out_path": "none"}]}, tmp_path / "out2")
    assert unheld["leakage"]["exact"] == len(positions)
    nothing = written(values | {"rows": source | {"held_out_path": str(tmp_path / "none")}}, tmp_path / "out3")
    assert (nothing["rows"], nothing["part"], nothing["verdict"]) == (0, "none", "no_proof")
    assert "No rows were held out" in nothing["sentence"]
    assert nothing["skills"]["questions"] > 0


def test_preferences_are_compared_by_how_likely_the_answers_are(tiny_model: Path, tuned: Path, tmp_path: Path) -> None:
    rows = [
        {"prompt": [{"role": "user", "content": question}], "chosen": [{"role": "assistant", "content": answer}],
         "rejected": [{"role": "assistant", "content": "17 plus 6 equals 23."}]}
        for question, answer in PAIRS
    ]  # fmt: skip
    path = write(tmp_path / "rows.parquet", "preference", rows)
    found = written(spec(side(tiny_model), side(tuned), path, "preference", method="dpo"), tmp_path / "out")
    names = {metric["name"]: metric for metric in found["metrics"]}
    assert found["primary"] == "preference_accuracy"
    assert names["preference_accuracy"]["tuned"] == 1
    assert names["preference_margin"]["verdict"] == "better"


def test_rewards_of_the_recipe_judge_prompts(tiny_model: Path, tuned: Path, tmp_path: Path) -> None:
    rows = [
        {"prompt": [{"role": "user", "content": question}], "extra": {"ground_truth": answer}}
        for question, answer in PAIRS
    ]
    path = write(tmp_path / "rows.parquet", "prompt", rows)
    recipe = {"model_id": "m", "dataset_id": "d", "method": "grpo", "reward_funcs": "exact_match, length",
              "reward_length": 10, "max_completion_length": 24}  # fmt: skip
    found = written(spec(side(tiny_model), side(tuned), path, "prompt", method="grpo", recipe=recipe), tmp_path / "out")
    names = {metric["name"]: metric for metric in found["metrics"]}
    assert (found["primary"], found["verdict"], found["longest_answer"]) == ("reward", "better", 24)
    assert names["reward:exact_match"]["tuned"] > 0.8
    assert names["reward"]["tuned"] == pytest.approx(
        names["reward:exact_match"]["tuned"] + names["reward:length"]["tuned"], rel=1e-4
    )
    plain = written(spec(side(tiny_model), side(tuned), path, "prompt"), tmp_path / "plain")
    assert (plain["primary"], plain["verdict"]) == ("exact_match", "better")


def test_it_stops_when_it_is_asked_to_and_says_what_is_gone(
    tiny_model: Path, tuned: Path, rows: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / contract.STOP_FILE).touch()
    with pytest.raises(contract.Stopped):
        report.write(spec(side(tiny_model), side(tuned), rows), out)
    gone, other = side(tmp_path / "gone"), tmp_path / "other"
    other.mkdir()
    with pytest.raises(WorkFailedError, match="`gone` are gone from the disk"):
        report.write(spec(gone, side(tuned), rows), other)
    rows.unlink()
    with pytest.raises(WorkFailedError, match="The rows of the dataset `rows` are gone"):
        report.write(spec(side(tiny_model), side(tuned), rows), other)
    assert events.read(out)[0] == []


def test_plain_texts_are_compared_by_their_loss(tiny_model: Path, tuned: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.parquet", "text", [{"text": f"A text with number {n}."} for n in range(25)])
    found = written(spec(side(tiny_model), side(tuned), path, "text"), tmp_path / "out")
    assert found["primary"] == "nll"
    assert [metric["name"] for metric in found["metrics"]] == ["nll", "perplexity"]
