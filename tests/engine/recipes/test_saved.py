"""Recipes a person keeps, and what differs between two."""

from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as any_case
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.recipes import diff, provenance
from engine.recipes import saved as saved_recipes
from engine.recipes.choices.tunings import TUNINGS
from engine.recipes.methods import METHODS
from engine.recipes.recipe import Recipe, from_yaml, to_yaml
from pages.train.recipe_form import recipe_of, values_of
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
any_recipe = st.fixed_dictionaries({}, optional=CHANGES).map(
    lambda fields: Recipe(model_id="m", dataset_id="d", **fields)
)


@any_case(any_recipe, any_recipe)
@calmly
def test_a_difference_names_what_differs_and_leads_from_one_recipe_to_the_other(first: Recipe, second: Recipe) -> None:
    left, right = first.model_dump(), second.model_dump()
    assert diff.diff(left, left) == []
    differences = diff.diff(left, right)
    assert left | {difference.field: difference.right for difference in differences} == right
    assert [(difference.field, difference.right, difference.left) for difference in differences] == [
        (difference.field, difference.left, difference.right) for difference in diff.diff(right, left)
    ]


def another(field: str) -> list[Any]:
    """Values of a field that are not its default; some may not fit."""
    kind, default = Recipe.model_fields[field].annotation, Recipe.model_fields[field].default
    literals = [word for part in (kind, *get_args(kind)) if get_origin(part) is Literal for word in get_args(part)]
    guesses = [*literals, not default, 1, 2, 3, 0.25, 64, 1024, "q_proj", "eval_loss", "0.5", "length"]
    return [guess for guess in guesses if guess != default]


BESIDE: dict[str, dict[str, Any]] = {
    "packing": {"train_sampling_strategy": "random"},
    "save_best_limit": {"eval_fraction": 0.1},
    "load_best_model_at_end": {"eval_fraction": 0.1},
    "metric_for_best_model": {"eval_fraction": 0.1},
    "early_stopping_patience": {"eval_fraction": 0.1},
    "early_stopping_threshold": {"eval_fraction": 0.1, "early_stopping_patience": 2},
}


def changed_in(field: str) -> Recipe | None:
    """A recipe with another value than the default in that field; None when nothing tried here fits alone."""
    users = [
        (method, tuning)
        for method in METHODS
        for tuning in TUNINGS
        if provenance.is_used({"method": method, "tuning": tuning}, field)
    ]
    for (method, tuning), value in product(users, another(field)):
        ids = {"model_id": "m", "dataset_id": "d", "method": method, "tuning": tuning}
        with suppress(ValidationError):
            recipe = Recipe.model_validate({**ids, **BESIDE.get(field, {}), field: value})
            if getattr(recipe, field) != Recipe.model_fields[field].default:
                return recipe
    return None


def test_yaml_and_the_form_hold_the_fields_of_every_group() -> None:
    fields = [name for name in Recipe.model_fields if name not in provenance.SUBJECTS]
    changed = {name: recipe for name in fields if (recipe := changed_in(name)) is not None}
    assert len(changed) > 0.8 * len(fields), f"never changed: {set(fields) - set(changed)}"
    for name, recipe in changed.items():
        assert from_yaml(to_yaml(recipe)) == recipe, name
        assert Recipe.model_validate(recipe_of(values_of(recipe.model_dump()))) == recipe, name
        assert name in provenance.changed(recipe.model_dump())


def test_what_a_side_leaves_out_is_at_its_default_and_unknown_fields_are_passed_over() -> None:
    differences = diff.diff({"seed": 42, "gone": 1}, {"lora_r": 8})
    assert differences == [diff.Difference("lora_r", 16, 8)]


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
    assert name in saved_recipes.names()
    saved_recipes.delete(name)
    assert saved_recipes.names() == []
    assert list(home.rglob("*.part")) == []


def test_saved_recipes_are_listed_replaced_renamed_and_deleted() -> None:
    for name in ("zebra", "Apple pie", "日本語"):
        saved_recipes.save(name, {"seed": 1})
    saved_recipes.save("zebra", {"seed": 2})
    assert saved_recipes.names() == ["Apple pie", "zebra", "日本語"]
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
    with pytest.raises(RefusedError, match="cannot be the name"):
        saved_recipes.save(name, {})
    assert not home.recipes().exists()


def test_a_recipe_without_model_and_dataset_is_read_for_any() -> None:
    fields = saved_recipes.read("learning_rate: 3e-4\n")
    assert fields["learning_rate"] == 3e-4
    assert not {"model_id", "dataset_id"} & set(fields)
    assert saved_recipes.read("model_id: far\nseed: 1")["model_id"] == "far"
    for wrong in ("learning_rate: fast", "sead: 1", "- a", "a: ["):
        with pytest.raises(RefusedError):
            saved_recipes.read(wrong)


def test_a_file_that_a_person_put_there_is_called_after_itself() -> None:
    (home.ensure_folder(home.recipes()) / "mine.yaml").write_text("seed: 5\n")
    assert saved_recipes.names() == ["mine"]
    assert saved_recipes.look_up("mine").fields["seed"] == 5
    (home.recipes() / "mine.yaml").write_text("sead: 5\n")
    with pytest.raises(RefusedError, match="is not valid"):
        saved_recipes.look_up("mine")
