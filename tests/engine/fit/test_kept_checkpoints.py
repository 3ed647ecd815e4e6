"""What is kept of a training, and the disk it takes."""

from typing import Any

import pytest

from engine.errors import RefusedError
from engine.fit import kept_checkpoints
from engine.recipes.recipe import Recipe, parse
from engine.weights import checkpoints
from storage import home
from storage.tables import Model

BASE = {"model_id": "m", "dataset_id": "d"}


def recipe(**fields: Any) -> Recipe:
    return Recipe.model_validate(BASE | fields)


def test_the_best_is_kept_when_it_is_to_be_the_result() -> None:
    assert kept_checkpoints.best_kept(recipe()) == 0
    assert kept_checkpoints.best_kept(recipe(eval_fraction=0.1)) == 0
    assert kept_checkpoints.best_kept(recipe(eval_fraction=0.1, load_best_model_at_end=True)) == 1
    assert kept_checkpoints.best_kept(recipe(eval_fraction=0.1, early_stopping_patience=3, save_best_limit=2)) == 2


def test_each_method_is_compared_by_its_own_measure_unless_another_is_named() -> None:
    assert kept_checkpoints.deciding_metric(recipe()) == ("eval_loss", False)
    assert kept_checkpoints.deciding_metric(recipe(method="grpo"))[1] is True
    own_metric = recipe(
        eval_fraction=0.1, save_best_limit=1, metric_for_best_model="eval_rewards/accuracies", method="dpo"
    )
    assert kept_checkpoints.deciding_metric(own_metric) == ("eval_rewards/accuracies", True)


@pytest.mark.parametrize(
    "fields",
    [
        {"load_best_model_at_end": True},
        {"early_stopping_patience": 2},
        {"save_best_limit": 1},
        {"metric_for_best_model": "eval_loss"},
    ],
)
def test_without_held_out_rows_nothing_is_the_best(fields: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as caught:
        parse(BASE | fields | {"eval_fraction": 0.0})
    assert "eval_fraction" in caught.value.hint
    assert next(iter(fields)) in caught.value.hint
    assert parse(BASE | fields | {"eval_fraction": 0.1})
    assert parse(BASE | fields)  # how many rows there are is not known yet


def test_a_threshold_means_nothing_without_patience() -> None:
    with pytest.raises(RefusedError) as caught:
        parse(BASE | {"eval_fraction": 0.1, "early_stopping_threshold": 0.1})
    assert "early_stopping_patience" in caught.value.hint


def test_the_disk_is_that_of_all_checkpoints_at_once_and_the_result() -> None:
    model = Model(source="path", source_id="/m", name="m", parameters=1_000_000, size_bytes=2_000_000)
    full = recipe(tuning="full", save_total_limit=3)
    assert kept_checkpoints.most_checkpoints(full) == 4  # three and the one being written
    best = recipe(tuning="full", save_total_limit=3, eval_fraction=0.1, save_best_limit=2)
    assert kept_checkpoints.most_checkpoints(best) == 6
    short = recipe(tuning="full", max_steps=150, save_steps=100)
    assert kept_checkpoints.most_checkpoints(short, rows=1000) == 2  # at 100 and 150
    assert kept_checkpoints.result_bytes(model, full) == 2_000_000
    lora = recipe()
    assert kept_checkpoints.result_bytes(model, lora) < 2_000_000 + 10_000_000


def test_checkpoints_are_listed_with_the_newest_and_the_best_of_those_that_are_whole() -> None:
    folder = home.run_folder("r")
    for step, loss in ((1, 2.0), (2, 1.0), (3, 0.5), (4, float("nan"))):
        checkpoint = checkpoints.folder_of(folder) / f"checkpoint-{step}"
        checkpoint.mkdir(parents=True)
        (checkpoint / "weights").write_text("x")
        checkpoints.write_manifest(checkpoint, step, {"loss": loss, "eval_loss": loss})
    (checkpoints.folder_of(folder) / "checkpoint-3" / "weights").write_text("damaged")
    by_step = {entry["step"]: entry for entry in kept_checkpoints.listed(folder, ("eval_loss", False))}
    assert [step for step, entry in by_step.items() if entry["best"]] == [2]
    assert [step for step, entry in by_step.items() if entry["newest"]] == [4]
    assert (by_step[3]["good"], by_step[4]["eval_loss"], by_step[1]["loss"]) == (False, None, 2.0)
    assert [entry["step"] for entry in kept_checkpoints.listed(folder, ("eval_loss", True)) if entry["best"]] == [1]
