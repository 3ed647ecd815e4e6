"""Training further: an adapter is trained on, its result fits the plain base, and the reference is where it began."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from pyarrow import parquet
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.process import events
from engine.weights import checkpoints
from engine.workers import contract
from engine.workers.train import preference, training
from tests.workers.train.judged import store_rows
from tests.workers.train.training_runs import only, spec, steps, sums, write_rows

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def taught(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What supervised fine-tuning left: the folder of an adapter that is far from the base."""
    folder = tmp_path_factory.mktemp("taught")
    values = spec(tiny_model, write_rows(folder, "chat", sums(24)), max_steps=8, learning_rate=5e-2, bf16=False)
    training.train(values, folder)
    return folder / "adapter"


def further(values: dict[str, Any], start: Path, out: Path, **changes: Any) -> list[events.Event]:
    values = {**values, "adapter_path": str(start), "recipe": {**values["recipe"], "start_from": "r1"}, **changes}
    out.mkdir(exist_ok=True)
    work = preference.work if values["recipe"]["method"] == "dpo" else training.train
    work(values, out)
    return events.read(out)[0]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = load_file(folder / "adapter_model.safetensors")
    return tensors


def test_the_adapter_is_trained_on_and_fits_the_plain_base(taught: Path, tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(24))
    before = steps(events.read(taught.parent)[0])
    recorded = further(spec(tiny_model, rows, learning_rate=1e-3, bf16=False), taught, tmp_path / "out")
    assert steps(recorded)[1]["loss"] < before[1]["loss"] - 0.1  # it goes on where the other ended
    assert steps(recorded)[1]["learning_rate"] == 1e-3  # with a schedule of its own
    trained, start = weights(tmp_path / "out" / "adapter"), weights(taught)
    assert trained.keys() == start.keys()
    assert any(not torch.equal(trained[name], start[name]) for name in trained)
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_model), tmp_path / "out" / "adapter")
    assert list(model.peft_config) == ["default"]


def preferences(tiny_model: Path, folder: Path, **recipe: Any) -> dict[str, Any]:
    fields = {"bf16": False, "learning_rate": 1e-3, "max_steps": 6, "save_steps": 3, **recipe}
    return spec(tiny_model, store_rows(folder, "preference"), "preference", method="dpo", **fields)


@pytest.mark.parametrize("first", [True, False])
def test_the_reference_is_the_model_it_began_with(first: bool, taught: Path, tiny_model: Path, tmp_path: Path) -> None:
    values = preferences(tiny_model, tmp_path, precompute_ref_log_probs=first)
    points = steps(further(values, taught, tmp_path / "out"))
    # Where policy and reference are the same, the loss is ln 2 and no answer has a reward yet. Against the plain base
    # the adapter alone would have earned one.
    assert points[1]["loss"] == pytest.approx(0.6931, abs=2e-3)
    assert points[1]["rewards/chosen"] == pytest.approx(0, abs=2e-3)
    assert points[1]["rewards/rejected"] == pytest.approx(0, abs=2e-3)
    assert points[6]["rewards/margins"] > 0
    plain_values = preferences(tiny_model, tmp_path)
    (tmp_path / "plain").mkdir()
    preference.work(plain_values, tmp_path / "plain")
    plain_points = steps(events.read(tmp_path / "plain")[0])
    assert abs(plain_points[1]["logps/chosen"] - points[1]["logps/chosen"]) > 1  # the start is far from the base


def test_the_policy_at_the_start_answers_as_the_adapter_does(taught: Path, tiny_model: Path, tmp_path: Path) -> None:
    values = preferences(tiny_model, tmp_path, per_device_train_batch_size=24, max_steps=1)
    points = steps(further(values, taught, tmp_path / "out"))
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_model), taught).eval()
    log_probabilities = [answer_log_probability(model, tokenizer, row) for row in rows_of(values)]
    assert points[1]["logps/chosen"] == pytest.approx(sum(log_probabilities) / len(log_probabilities), rel=1e-3)


def rows_of(values: dict[str, Any]) -> list[tuple[list[dict[str, str]], list[dict[str, str]]]]:
    table = parquet.read_table(values["dataset_path"]).to_pylist()
    return [(_turns(row["prompt"]), _turns(row["chosen"])) for row in table]


def _turns(value: Any) -> list[dict[str, str]]:
    turns = json.loads(value) if isinstance(value, str) else value
    return [{"role": turn["role"], "content": turn["content"]} for turn in turns]


@torch.no_grad()
def answer_log_probability(model: Any, tokenizer: Any, row: Any) -> float:
    prompt, answer = row
    prompt_text = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, tokenize=False)
    chat = tokenizer.apply_chat_template([*prompt, *answer], tokenize=False).rstrip()  # learnt up to the end of turn
    start = len(tokenizer(prompt_text, add_special_tokens=False).input_ids)
    ids = torch.tensor([tokenizer(chat, add_special_tokens=False).input_ids])
    scores = model(input_ids=ids).logits.float().log_softmax(-1)[0, :-1]
    log_probabilities = scores.gather(1, ids[0, 1:, None])[:, 0]
    return float(log_probabilities[start - 1 :].sum())


def test_resumed_it_keeps_its_reference(taught: Path, tiny_model: Path, tmp_path: Path) -> None:
    values = preferences(tiny_model, tmp_path, precompute_ref_log_probs=False, lora_dropout=0.1)
    unbroken = steps(further(values, taught, tmp_path / "out"))
    middle = checkpoints.folder_of(tmp_path / "out") / "checkpoint-3"
    recorded = further(values, taught, tmp_path / "again", resume_from=str(middle))
    assert only(recorded, events.Started).facts["resumed_from_step"] == 3
    assert steps(recorded) == {step: point for step, point in unbroken.items() if step > 3}
    assert not (tmp_path / "out" / "adapter" / "ref").exists()


def test_an_adapter_that_does_not_fit_is_told(taught: Path, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    values = spec(tiny_model, write_rows(tmp_path, "chat", sums(8)))
    with pytest.raises(contract.WorkFailedError, match="cannot be loaded") as caught:
        further(values, tmp_path / "empty", tmp_path / "out")
    assert "start_from" in caught.value.hint
