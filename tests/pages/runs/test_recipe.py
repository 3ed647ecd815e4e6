"""The recipe on a run's page: where values came from, and what differs from another run."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.recipes.recipe import Recipe
from pages.runs.recipe import DEFAULTS, recipe_html
from storage import db
from storage.statuses import ModelStatus
from storage.tables import Dataset, Model, Run, RunFacts

HOSTILE = "<img src=x onerror=alert(1)>"
Make = Callable[..., str]


@pytest.fixture
def make() -> Make:
    """Puts a run into the database and returns its id."""
    with db.session() as session:
        for id in ("m1", "m2"):
            session.add(Model(id=id, source="path", source_id=id, name=f"{id} {HOSTILE}", status=ModelStatus.READY))
        session.add(Dataset(id="d1", project_id="default", name="d"))

    def put(id: str, facts: dict[str, Any] | None = None, name: str = "", **recipe: Any) -> str:
        whole_recipe = Recipe(**{"model_id": "m1", "dataset_id": "d1", **recipe})
        values: dict[str, Any] = {"recipe": whole_recipe.model_dump(), "facts": RunFacts.model_validate(facts or {})}
        with db.session() as session:
            session.add(
                Run(
                    id=id,
                    project_id="default",
                    name=name or id,
                    model_id=whole_recipe.model_id,
                    dataset_id="d1",
                    **values,
                )
            )
        return id

    return put


def shown(run: str, **query: str) -> str:
    return recipe_html({"project": "default", "run": run, **query})


def test_changed_fields_stand_there_with_their_origin(make: Make) -> None:
    make("r0")
    made_by = {"learning_rate": "preset: balanced", "lora_r": "run: r0"}
    html = shown(make("r1", {"origins": made_by}, learning_rate=3e-4, lora_r=8, seed=7))
    for words in ("Learning rate", "3e-4", "preset: balanced", 'href="/runs?run=r0"', "seed: 7"):
        assert words in html
    assert html.count(">you<") == 1, "nobody said where the seed came from"
    assert "LoRA alpha" not in html


def test_a_run_of_defaults_says_so(make: Make) -> None:
    assert "Every field is at its default." in shown(make("r1"))


def test_a_run_is_compared_with_the_one_it_repeats_or_any_other(make: Make) -> None:
    make("r0", name=f"first {HOSTILE}", seed=1)
    make("r2", seed=3, model_id="m2")
    make("r1", {"repeats": "r0"}, seed=2)
    html = shown("r1")
    assert "(repeated here)" in html
    assert html.index("Compared") < html.index('data-label="This run">2<') < html.index(">1<")
    other = shown("r1", against="r2")
    assert "m2 &lt;img" in other
    assert ">3<" in other
    assert "<img" not in html + other
    assert 'data-label="Default">42<' in shown("r1", against=DEFAULTS)
    assert "Differences" not in shown("r1", against="")
    assert "Both recipes are the same." in shown(make("r3", seed=2), against="r1")


def test_a_run_that_is_gone_shows_nothing(make: Make) -> None:
    assert shown("gone") == ""
    assert "Differences" not in shown(make("r1"), against="gone")
