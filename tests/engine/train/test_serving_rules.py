"""What vLLM refuses is said before the training, with what to do instead, and stops nobody."""

from typing import Any

import pytest

from engine.recipes.recipe import Recipe
from engine.train.rules import serving, tracking
from storage.tables import Dataset, Model

MODEL = Model(source="path", source_id="/m", name="m")
DATASET = Dataset(project_id="default", name="d")


def warnings(**fields: Any) -> list[tuple[str, str]]:
    recipe = Recipe(model_id="m", dataset_id="d", **fields)
    problems = [problem for rule in serving.RULES for problem in rule(recipe, MODEL, DATASET)]
    assert all(problem.level == "warning" and problem.hint for problem in problems)
    for problem in problems:
        servable = serving._servable(recipe.model_copy(update=problem.instead), MODEL, DATASET)
        assert problem.field not in [remaining.field for remaining in servable]
    return [(problem.field, problem.message) for problem in problems]


def test_what_vllm_serves_gets_no_remark() -> None:
    assert warnings() == warnings(tuning="full") == warnings(tuning="qlora", use_rslora=True, lora_r=512) == []


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"lora_r": 1024, "lora_alpha": 256}, "lora_r", "vLLM takes 512 at most"),
        ({"lora_r": 300, "init_lora_weights": "pissa"}, "lora_r", "rank will be 600"),
        ({"use_dora": True}, "use_dora", "refuses DoRA"),
        ({"modules_to_save": "lm_head"}, "modules_to_save", "is lm_head, and vLLM refuses"),
        ({"tuning": "ia3"}, "tuning", "no ia3 adapter"),
        ({"tuning": "prompt"}, "tuning", "no prompt adapter"),
    ],
)
def test_what_it_refuses_is_named_with_its_value(fields: dict[str, Any], field: str, words: str) -> None:
    ((problem_field, message),) = warnings(**fields)
    assert problem_field == field
    assert words in message


def test_a_reward_model_is_not_measured_by_what_chats() -> None:
    assert warnings(method="reward", use_dora=True, lora_r=128) == []


def test_a_tracker_without_a_key_or_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    recipe = Recipe(model_id="m", dataset_id="d", report_to="wandb,tensorboard")
    (problem,) = [problem for rule in tracking.RULES for problem in rule(recipe, MODEL, DATASET)]
    assert (problem.field, problem.level) == ("report_to", "warning")
    monkeypatch.setenv("WANDB_API_KEY", "k")
    assert [problem for rule in tracking.RULES for problem in rule(recipe, MODEL, DATASET)] == []
