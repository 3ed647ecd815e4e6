"""A recipe typed as YAML: what is wrong stands at its line, and nothing is read as something else."""

import pytest

from engine.errors import RefusedError
from engine.recipes import recipe as recipes
from engine.recipes import yaml_problems
from engine.recipes.recipe import Recipe

GOOD = "model_id: m\ndataset_id: d\n"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (GOOD + "bogus_field: 3\n", 3, "There is no recipe field `bogus_field`."),
        (GOOD + "\n# slower\nlearning_rate: fast\n", 5, "`learning_rate` is 'fast'"),
        (GOOD + "seed: 1\nseed: 2\n", 4, "`seed` is there twice."),
        (GOOD + "seed: [1\n", 4, "Expected ',' or ']'"),
        (GOOD + "seed: &a 1\nmax_steps: *a\n", None, "no anchors or aliases"),
        ("model_id: m\n", None, "`dataset_id`: Field required."),
        ("", None, "not a list of fields"),
        (GOOD + "lora_r: {a: 1}\n", 3, "`lora_r`: Input should be a valid integer."),
    ],
)
def test_each_problem_names_its_line(text: str, line: int | None, words: str) -> None:
    recipe, (problem,) = yaml_problems.read(text)
    assert recipe is None
    assert problem.line == line
    assert words in f"{problem} {problem.hint}"


def test_a_text_that_holds_is_a_recipe() -> None:
    recipe, problems = yaml_problems.read(GOOD + "learning_rate: 2e-5\n")
    assert recipe == Recipe(model_id="m", dataset_id="d", learning_rate=2e-5)
    assert problems == []


def test_an_id_that_looks_like_a_number_stays_a_text() -> None:
    recipe = Recipe(model_id="1234567e8901", dataset_id="00e1", learning_rate=2e-5)
    assert recipes.from_yaml(recipes.to_yaml(recipe)) == recipe


def test_with_packing_the_order_by_length_gives_way() -> None:
    assert Recipe(model_id="m", dataset_id="d", packing=True).train_sampling_strategy == "random"
    kept = Recipe(model_id="m", dataset_id="d", packing=True, train_sampling_strategy="sequential")
    assert kept.train_sampling_strategy == "sequential"
    assert Recipe(model_id="m", dataset_id="d").train_sampling_strategy == "group_by_length"
    assert recipes.from_yaml(GOOD + "packing: true\n").train_sampling_strategy == "random"


def test_a_schedule_that_nobody_chose_gives_way_to_an_optimiser_that_has_its_own() -> None:
    assert Recipe(model_id="m", dataset_id="d", optim="schedule_free_adamw").lr_scheduler_type == "constant"
    with pytest.raises(RefusedError) as caught:
        recipes.from_yaml(GOOD + "optim: schedule_free_adamw\nlr_scheduler_type: cosine\n")
    assert "finds its own schedule" in caught.value.hint


def test_a_refusal_names_the_field_and_never_says_the_whole_recipe_back() -> None:
    for wrong in ({"method": "cpt", "beta": 0.1}, {"tuning": "full", "use_dora": True}, ["a"], {"max_steps": {"a": 1}}):
        with pytest.raises(RefusedError) as caught:
            recipes.parse({"model_id": "m", "dataset_id": "d", **wrong} if isinstance(wrong, dict) else wrong)
        assert "{" not in caught.value.hint
        assert "[" not in caught.value.hint
