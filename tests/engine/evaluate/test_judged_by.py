"""What a report will go by is named before the start, from the data alone."""

from engine.evaluate import judged_by
from engine.recipes.recipe import Recipe
from tests.engine.data.stored_datasets import stored_dataset
from tests.serving import ready_model


def words(rows: int, **recipe: object) -> str:
    model = ready_model()
    dataset = stored_dataset(rows)
    chosen = Recipe.model_validate({"model_id": model.id, "dataset_id": dataset.id, **recipe})
    return judged_by.words(chosen, model, dataset)


def test_the_measure_and_the_rows_are_said_beside_start() -> None:
    said = words(2000)
    assert said.startswith("Judged by exact match on about 50 held-out rows, within about ")


def test_rows_that_also_choose_the_checkpoint_are_said() -> None:
    assert "20 held-out rows, which also choose the checkpoint" in words(200)
    assert "Too few for a verdict" in words(50, eval_fraction=0.1)
    assert words(50) == "Judged by exact match, once rows are held out: none are now."


def test_the_method_decides_too() -> None:
    dataset = stored_dataset(30)
    assert judged_by.measure(dataset, "sft") == "exact_match"
    assert judged_by.measure(dataset, "grpo") == "reward"
    dataset.kind = None
    assert judged_by.measure(dataset, "sft") is None
