"""Every preset for a purpose trains a tiny model for real, for two steps, in this process."""

from pathlib import Path

import pytest

from engine.recipes import presets
from engine.recipes.recipe import Recipe
from engine.workers.train import training
from tests.workers.train.training_runs import spec, sums, write_rows

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.mark.parametrize("name", presets.PURPOSES)
def test_a_preset_trains(name: str, tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(24))
    defaults = Recipe(model_id="tiny", dataset_id="rows").model_dump()
    changes = presets.apply(presets.look_up(name), defaults)
    out = tmp_path / "out"
    out.mkdir()
    training.train(spec(tiny_model, rows, **(defaults | changes | {"max_steps": 2, "eval_steps": 1})), out)
    assert list((out / "adapter").glob("*.safetensors"))
