"""The worker gets the estimate as a line: what it says for any length of rows is what the estimate says."""

from pathlib import Path

import pytest

from engine.fit import memory, memory_by_length
from engine.process import machine
from engine.recipes.recipe import Recipe
from engine.weights.inspection import inspect
from storage.tables import Model


def recipe(**fields: object) -> Recipe:
    return Recipe.model_validate({"model_id": "m", "dataset_id": "d", "max_length": 512, "bf16": False, **fields})


@pytest.fixture
def model(tiny_model: Path) -> Model:
    parameters = inspect(tiny_model).parameters
    return Model(source="path", source_id="", name="tiny", path=str(tiny_model), parameters=parameters)


@pytest.mark.parametrize("longest", [1, 100, 512])
def test_the_line_is_the_estimate_with_activations_kept(model: Model, longest: int) -> None:
    line = memory_by_length.of(model, recipe())
    expected = memory.training_bytes(model, recipe(gradient_checkpointing=False), longest)
    assert line["fixed"] + line["a_token"] * longest == pytest.approx(expected, rel=1e-4)
    assert line["available"] == memory.available_bytes()
    assert memory_by_length.of(model, recipe(gradient_checkpointing=True)) == line


def test_a_model_of_unknown_size_has_no_line() -> None:
    assert memory_by_length.of(Model(source="hub", source_id="a/b", name="a/b"), recipe()) == {}


def test_what_is_left_open_is_estimated_as_the_worker_would_decide(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitting = memory.memory(model, recipe())
    assert fitting.activations == memory.memory(model, recipe(gradient_checkpointing=False)).activations
    monkeypatch.setattr(machine, "memory_bytes", lambda: fitting.total)  # of which a tenth is not for a training
    assert memory.memory(model, recipe()).activations < fitting.activations
    assert memory.memory(model, recipe(gradient_checkpointing=False)).activations == fitting.activations
