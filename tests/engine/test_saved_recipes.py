"""Recipes a person keeps, and what differs between two."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as any_case
from hypothesis import strategies as st

from engine import recipe_diff, saved_recipes
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.recipe import Recipe, from_yaml, to_yaml
from storage import home

CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "learning_rate": st.floats(1e-7, 1e-2),
    "max_steps": st.integers(1, 10_000),
    "lora_r": st.integers(1, 512),
    "bf16": st.none() | st.booleans(),
    "gradient_checkpointing": st.none() | st.booleans(),
    "use_dora": st.booleans(),
    "use_rslora": st.booleans(),
    "lora_dropout": st.floats(0, 0.9),
    "target_modules": st.from_regex(r"[a-z][a-z_,.]{0,30}", fullmatch=True),
    "eval_fraction": st.floats(0, 0.5),
    "seed": st.integers(0, 2**32 - 1),
}
calmly = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
any_recipe = st.fixed_dictionaries({}, optional=CHANGES).map(lambda one: Recipe(model_id="m", dataset_id="d", **one))


@any_case(any_recipe, any_recipe)
@calmly
def test_a_difference_names_what_differs_and_leads_from_one_recipe_to_the_other(one: Recipe, other: Recipe) -> None:
    left, right = one.model_dump(), other.model_dump()
    assert recipe_diff.diff(left, left) == []
    found = recipe_diff.diff(left, right)
    assert left | {each.field: each.right for each in found} == right
    assert [(each.field, each.right, each.left) for each in found] == [
        (each.field, each.left, each.right) for each in recipe_diff.diff(right, left)
    ]


def test_what_a_side_leaves_out_is_at_its_default_and_unknown_fields_are_passed_over() -> None:
    found = recipe_diff.diff({"seed": 42, "gone": 1}, {"lora_r": 8})
    assert found == [recipe_diff.Difference("lora_r", 16, 8)]


@any_case(any_recipe)
@calmly
def test_yaml_holds_every_field(recipe: Recipe) -> None:
    assert from_yaml(to_yaml(recipe)) == recipe


@any_case(any_recipe, st.from_regex(r"[\w(][\w .,()+-]{0,50}\w", fullmatch=True))
@calmly
def test_a_recipe_is_kept_under_any_name(home: Path, recipe: Recipe, name: str) -> None:
    saved = saved_recipes.save(name, recipe.model_dump())
    assert (saved.name, saved.fields) == (name, recipe.model_dump())
    assert from_yaml(saved.text) == recipe, "the file is what `tunesmith train` takes"
    assert name in saved_recipes.every()
    saved_recipes.delete(name)
    assert saved_recipes.every() == []
    assert list(home.rglob("*.part")) == []


def test_saved_recipes_are_listed_replaced_renamed_and_deleted() -> None:
    for name in ("zebra", "Apple pie", "日本語"):
        saved_recipes.save(name, {"seed": 1})
    saved_recipes.save("zebra", {"seed": 2})
    assert saved_recipes.every() == ["Apple pie", "zebra", "日本語"]
    saved_recipes.rename("zebra", "Zebra 2")
    assert saved_recipes.look_up("Zebra 2").fields["seed"] == 2
    with pytest.raises(ConflictError, match="already"):
        saved_recipes.rename("Zebra 2", "Apple pie")
    saved_recipes.rename("Zebra 2", "Zebra 2")
    saved_recipes.delete("Zebra 2")
    for act in (saved_recipes.look_up, saved_recipes.delete):
        with pytest.raises(NotFoundError, match="Zebra 2"):
            act("Zebra 2")


@pytest.mark.parametrize(
    "name", ["", " ", "../x", "a/b", "a\\b", ".hidden", "-x", "a\nb", "x" * 61, "<b>", "trailing "]
)
def test_a_name_that_could_be_a_path_or_a_trick_is_refused(name: str) -> None:
    with pytest.raises(RefusedError, match="no name"):
        saved_recipes.save(name, {})
    assert list(home.recipes().iterdir()) == []


def test_a_recipe_without_model_and_dataset_is_read_for_any() -> None:
    found = saved_recipes.read("learning_rate: 3e-4\n")
    assert found["learning_rate"] == 3e-4
    assert not {"model_id", "dataset_id"} & set(found)
    assert saved_recipes.read("model_id: far\nseed: 1")["model_id"] == "far"
    for wrong in ("learning_rate: fast", "sead: 1", "- a", "a: ["):
        with pytest.raises(RefusedError):
            saved_recipes.read(wrong)


def test_a_file_that_a_person_put_there_is_called_after_itself() -> None:
    (home.recipes() / "mine.yaml").write_text("seed: 5\n")
    assert saved_recipes.every() == ["mine"]
    assert saved_recipes.look_up("mine").fields["seed"] == 5
    (home.recipes() / "mine.yaml").write_text("sead: 5\n")
    with pytest.raises(RefusedError, match="does not hold"):
        saved_recipes.look_up("mine")
