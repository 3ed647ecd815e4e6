"""Names in place of ids: what each finds, what several have, what is nearly right; and recipes that hold names."""

from typing import Any

import pytest

from engine import called
from engine.errors import ConflictError, NotFoundError
from engine.names import did_you_mean
from engine.recipes import by_name, yaml_problems
from engine.recipes import recipe as recipes
from engine.recipes.recipe import Recipe
from storage import db
from storage.statuses import RunStatus
from storage.tables import Dataset, Endpoint, Model, Project, Run
from tests import stored_runs

KNOWN = ("learning_rate", "lora_r", "Qwen small", "qwen large")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("learing_rate", "Did you mean `learning_rate`?"),
        ("LEARNING_RATE", "Did you mean `learning_rate`?"),
        ("qwen", "Did you mean `Qwen small` or `qwen large`?"),
        ("zebra", ""),
        ("", ""),
    ],
)
def test_the_nearest_names_are_offered(text: str, expected: str) -> None:
    assert did_you_mean(text, KNOWN) == expected


def _add(*rows: Any) -> None:
    with db.session() as session:
        session.add_all(rows)


def _dataset(id: str, version: int = 1, family: str = "", name: str = "rows of mine") -> Dataset:
    return Dataset(id=id, project_id="default", name=name, family_id=family or id, version=version)


def test_an_id_a_name_and_a_version_lead_to_the_same_row() -> None:
    run_id = stored_runs.add("my run")
    _add(_dataset("a1"), _dataset("a2", 2, "a1"), Model(id="m2", source="path", source_id="/x", name="m1"))
    assert called.id_of(Run, "my run") == called.id_of(Run, "  my  run ") == called.id_of(Run, run_id) == run_id
    assert called.id_of(Dataset, "rows of mine") == "a2", "the newest version"
    assert called.id_of(Dataset, "rows of mine/1") == called.id_of(Dataset, "a1") == "a1"
    assert called.id_of(Model, "m1") == "m1", "an id wins over a name"
    assert called.id_of(Project, "Default") == "default"


def test_a_name_of_several_lists_their_ids_and_one_of_nothing_offers_the_nearest() -> None:
    first, second = stored_runs.add("sums"), stored_runs.add("sums", RunStatus.FAILED)
    with pytest.raises(ConflictError) as ambiguous:
        called.id_of(Run, "sums")
    assert ambiguous.value.message == "There are 2 runs called `sums`."
    assert f"{first} (succeeded)" in ambiguous.value.hint
    assert f"{second} (failed)" in ambiguous.value.hint
    with pytest.raises(NotFoundError) as unknown:
        called.id_of(Run, "sumz")
    assert (unknown.value.message, unknown.value.hint) == ("There is no run `sumz`.", "Did you mean `sums`?")
    with pytest.raises(NotFoundError, match="Runs page"):
        called.id_of(Run, "something else")


def test_of_endpoints_the_one_in_use_is_meant_and_else_the_newest() -> None:
    rows = [Endpoint(project_id="default", name="jokes", stopped_at=at, created_at=at) for at in (1.0, 2.0)]
    _add(*rows)
    assert called.id_of(Endpoint, "jokes") == rows[1].id
    live = Endpoint(project_id="default", name="jokes", created_at=0.5)
    _add(live)
    assert called.id_of(Endpoint, "jokes") == live.id


def test_a_recipe_with_names_is_read_as_one_with_ids_and_written_with_both() -> None:
    run_id = stored_runs.add("first try")
    _add(_dataset("a1"), _dataset("a2", 2, "a1"))
    typed = recipes.from_yaml("model_id: tiny\ndataset_id: rows of mine/1\nstart_from: first try\n")
    recipe = by_name.with_ids(typed)
    assert (recipe.model_id, recipe.dataset_id, recipe.start_from) == ("m1", "a1", run_id)
    text = by_name.to_yaml(recipe)
    assert "model_id: m1  # tiny\n" in text
    assert "dataset_id: a1  # rows of mine/1\n" in text
    assert f"start_from: {run_id}  # first try\n" in text
    assert recipes.from_yaml(text) == recipe
    portable = by_name.portable(recipe)
    assert "model_id: tiny\n" in portable
    assert by_name.with_ids(recipes.from_yaml(portable)) == recipe


def test_a_portable_recipe_keeps_the_id_of_a_name_that_several_have() -> None:
    stored_runs.add("x")
    _add(_dataset("a1"), _dataset("b1"))
    text = by_name.portable(Recipe(model_id="m1", dataset_id="a1"))
    assert "dataset_id: a1\n" in text
    assert "model_id: tiny\n" in text


def test_a_teacher_is_a_model_or_a_run_by_name() -> None:
    run_id = stored_runs.add("judge")
    recipe = Recipe(model_id="m1", dataset_id="d1", method="gkd", teacher_id="judge")
    assert by_name.with_ids(recipe).teacher_id == run_id
    assert by_name.with_ids(recipe.model_copy(update={"teacher_id": "tiny"})).teacher_id == "m1"


def test_what_a_recipe_names_wrongly_is_said_at_its_line() -> None:
    stored_runs.add("x")
    _, (problem,) = yaml_problems.read("method: sft\nmodel_id: tini\ndataset_id: rows\n")
    assert (problem.line, problem.hint) == (2, "Did you mean `tiny`?")
    assert problem.message == "`model_id`: There is no model `tini`."
    _, (typo,) = yaml_problems.read("model_id: tiny\ndataset_id: rows\nlearing_rate: 0.1\n")
    assert str(typo) == "Line 3: There is no recipe field `learing_rate`. Did you mean `learning_rate`?"
