"""Scripts of the methods that learn from judged answers, from their own, and from a teacher train as the studio did."""

from pathlib import Path
from typing import Any

import pytest

from engine.recipes.methods import METHODS
from engine.runs.script.told import Told
from tests import tiny
from tests.workers.script.scripts import Points, compare, played_all, trained
from tests.workers.train.judged import store_rows
from tests.workers.train.training_runs import spec, sums, write_rows

EVALUATED: dict[str, Any] = {"eval_fraction": 0.2, "eval_steps": 1}
SHORT: dict[str, Any] = {"max_completion_length": 12, "reward_length": 10}
FUNCTION = "import re\n\n\ndef reward(completion, ground_truth, **_):\n    return len(re.findall('[0-9]', completion))"
RULES = SHORT | {
    "reward_funcs": "length, exact_match, regex, json_schema, python",
    "reward_weights": "1, 2, 0.5, 1, 0.1",
    "reward_pattern": "([a-z]+)",
    "reward_code": FUNCTION,
}
# Where the studio leaves the loss to TRL: dropout, which needs the same random numbers, whole models, other losses.
EXACT: dict[str, dict[str, Any]] = {
    "dpo": {**EVALUATED, "tuning": "full"},
    "orpo": {"lora_dropout": 0.1},
    "kto": {**EVALUATED, "lora_dropout": 0.1, "gradient_accumulation_steps": 2},
    "simpo": {"lora_dropout": 0.1, "simpo_gamma": 1.0},
    "cpo": {"lora_dropout": 0.1, "loss_type": "hinge", "train_sampling_strategy": "random"},
    "grpo": {**RULES, **EVALUATED, "lora_dropout": 0.1},
    "rloo": {**SHORT, "reward_funcs": "length, reward_model", "reward_model_id": "judge", "lora_dropout": 0.1},
    "gkd": {"lora_dropout": 0.1, "max_completion_length": 12, "teacher_id": "teacher", "lmbda": 0.5},
}
NEAR: dict[str, dict[str, Any]] = {"dpo": {}, "kto": {"loss_type": "apo_zero_unpaired"}, "grpo": RULES}
ELSEWHERE = {"sft", "cpt", "reward"}  # tests.workers.script.test_supervised
TRIED = [*((method, "exact") for method in EXACT), *((method, "near") for method in NEAR)]


def test_the_script_of_every_method_is_trained() -> None:
    assert set(EXACT) | ELSEWHERE == set(METHODS)


@pytest.fixture(scope="module")
def both(
    tiny_model: Path, scaled_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Told, Points, Points]]:
    """What a script is told, and the numbers of each run and of its script. One process runs all scripts."""
    folder = tmp_path_factory.mktemp("judged")
    runs: dict[str, tuple[Told, Points]] = {}
    for method, kind in TRIED:
        model, fields = (
            (scaled_model, {"bf16": False} | EXACT[method]) if kind == "exact" else (tiny_model, NEAR[method])
        )
        name = f"{method}-{kind}"
        runs[name] = trained(values(method, model, folder, **fields), folder / name)
    played = played_all({name: told for name, (told, _) in runs.items()}, folder / "scripts")
    return {name: (*runs[name], played[name]) for name in runs}


def values(method: str, model: Path, folder: Path, **fields: Any) -> dict[str, Any]:
    """spec.json of a short training."""
    kind = METHODS[method].kinds[0]
    rows = write_rows(folder, "chat", sums(24)) if kind == "chat" else store_rows(folder, kind)
    told = spec(model, rows, kind, method=method, **({"max_steps": 3} | fields))
    asked = told["recipe"]["teacher_id"] or told["recipe"]["reward_model_id"]
    if asked:
        told["companion"] = {"path": str(companion(folder / asked)), "adapter": None}
    return told


def companion(folder: Path) -> Path:
    """A model to be asked; as `judge` one with a single number as its answer."""
    import torch  # noqa: PLC0415
    from transformers import AutoModelForSequenceClassification  # noqa: PLC0415

    tiny.make(folder, seed=1)
    if folder.name == "judge":
        torch.manual_seed(1)
        AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("method", "kind"), TRIED)
def test_a_script_learns_step_by_step_as_the_run_did(
    method: str, kind: str, both: dict[str, tuple[Told, Points, Points]]
) -> None:
    told, ours, theirs = both[f"{method}-{kind}"]
    assert told.facts.fast_loss is (kind == "near")
    assert sorted(ours) == sorted(theirs) == [1, 2, 3]
    compare(ours, theirs, 0.0 if kind == "exact" else 0.01)
