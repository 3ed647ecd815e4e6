"""Which batch a probe suggests: pure, with a machine whose memory is a formula."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.fit.batch_search import MOST_BATCH, Search, batches, largest, second_batch, smaller_ways
from engine.fit.measurement import Trial
from engine.recipes.recipe import Recipe

BASE = 1000


def recipe(batch: int = 4, accumulation: int = 1, **fields: Any) -> Recipe:
    sizes = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": accumulation}
    fields = {"gradient_checkpointing": False} | fields
    return Recipe.model_validate({"model_id": "m", "dataset_id": "d", **sizes, **fields})


def machine(memory: int, faster_in_batches: float = 0.0) -> Callable[[Recipe], Trial]:
    """Each row of 1024 tokens takes 100 bytes, 40 with gradient checkpointing; recomputing takes a third longer."""

    def attempt(tried: Recipe) -> Trial:
        bytes_per_row = (40 if tried.gradient_checkpointing else 100) * tried.max_length / 1024
        peak = int(BASE + bytes_per_row * tried.per_device_train_batch_size)
        speed = (100 + faster_in_batches * tried.per_device_train_batch_size) * (
            0.75 if tried.gradient_checkpointing else 1
        )
        return Trial(
            batch=tried.per_device_train_batch_size,
            gradient_checkpointing=bool(tried.gradient_checkpointing),
            automatic=tried.gradient_checkpointing is None,
            max_length=tried.max_length,
            fits=peak <= memory,
            peak_bytes=min(peak, memory),
            before_bytes=BASE,
            tokens_per_second=speed if peak <= memory else 0,
        )

    return attempt


def search_for(start: Recipe, memory: int, **about: Any) -> Search:
    search = Search(start, machine(memory, **about), memory)
    search.run()
    return search


def test_two_points_say_how_many_rows_fit() -> None:
    search = search_for(recipe(4), 2730)
    assert [trial.batch for trial in search.trials] == [4, 8]
    assert search.largest is not None
    assert (search.largest.batch, search.largest.at_least, search.largest.tried) == (17, False, False)
    assert search.suggestion is not None
    assert (search.suggestion.fields, search.suggestion.reason) == ({}, "It fits as it is.")


def test_a_step_in_larger_batches_is_suggested_when_it_is_faster() -> None:
    search = search_for(recipe(2, 8), 2730, faster_in_batches=10)
    assert search.suggestion is not None
    assert search.suggestion.fields == {"per_device_train_batch_size": 16, "gradient_accumulation_steps": 1}
    assert search.trials[-1].batch == 16  # it was tried
    assert "faster" in search.suggestion.reason
    no_faster = search_for(recipe(2, 8), 2730).suggestion
    assert no_faster is not None
    assert no_faster.fields == {}


def test_recomputing_that_is_not_needed_is_turned_off() -> None:
    search = search_for(recipe(4, gradient_checkpointing=True), 2730)
    assert search.suggestion is not None
    assert search.suggestion.fields == {"gradient_checkpointing": False}


def test_what_does_not_fit_is_divided_into_batches_that_do_with_the_same_step() -> None:
    search = search_for(recipe(32, 2), 2730)
    assert search.suggestion is not None
    assert search.suggestion.fields == {"per_device_train_batch_size": 16, "gradient_accumulation_steps": 4}
    assert [trial.batch for trial in search.trials] == [32, 1, 2, 16]
    assert search.largest is not None
    assert search.largest.batch == 17


@pytest.mark.parametrize(
    ("memory", "fields"),
    [
        (1150, {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 4}),
        (
            1050,
            {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 4, "gradient_checkpointing": True},
        ),
        (
            1015,
            {
                "per_device_train_batch_size": 1,
                "gradient_accumulation_steps": 4,
                "gradient_checkpointing": True,
                "max_length": 256,
            },
        ),
    ],
)
def test_less_and_less_is_tried_until_it_fits(memory: int, fields: dict[str, Any]) -> None:
    suggestion = search_for(recipe(4), memory).suggestion
    assert suggestion is not None
    assert suggestion.found
    assert suggestion.fields == fields


def test_when_nothing_fits_it_is_said() -> None:
    suggestion = search_for(recipe(4), 900).suggestion
    assert suggestion is not None
    assert (suggestion.found, suggestion.fields) == (False, {})
    assert "smaller model" in suggestion.reason


def test_without_time_only_the_recipe_itself_is_tried() -> None:
    search = Search(recipe(4), machine(2730), 2730, has_time=lambda: False)
    search.run()
    assert len(search.trials) == 1
    assert search.largest is not None
    assert (search.largest.batch, search.largest.at_least) == (4, True)
    search = Search(recipe(64), machine(2730), 2730, has_time=lambda: False)
    search.run()
    assert search.suggestion is not None
    assert not search.suggestion.found


def test_batches_that_a_method_refuses_are_not_tried() -> None:
    kto = recipe(8, method="kto")
    assert batches(kto) == [1, 2, 4, 8]
    assert next(smaller_ways(kto))[0] == {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4}
    answering = recipe(8, 2, method="grpo", num_generations=4)
    fields, _ = next(smaller_ways(answering))
    assert fields == {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 16}


def test_the_second_point_is_larger_only_where_that_is_safe() -> None:
    first = machine(2000)(recipe(4))
    assert second_batch(first, 2000) == 8
    assert second_batch(first, 1500) == 2
    alone = machine(2000)(recipe(1))
    assert second_batch(alone, 1100) == 1


def test_noise_larger_than_the_rows_is_no_line() -> None:
    points = [machine(3000)(recipe(4)), machine(3000)(recipe(8))]
    level = [point.model_copy(update={"peak_bytes": 1000}) for point in points]
    assert largest(level, 3000).at_least
    assert largest(points, 10**9).batch == MOST_BATCH


def test_what_the_worker_chose_by_itself_is_held_and_told_with_the_suggestion() -> None:
    search = search_for(recipe(32, 2, gradient_checkpointing=None), 2730)
    assert [trial.automatic for trial in search.trials] == [True, False, False, False]
    assert search.suggestion is not None
    assert search.suggestion.fields == {
        "per_device_train_batch_size": 16,
        "gradient_accumulation_steps": 4,
        "gradient_checkpointing": False,
    }
    assert search.trials[0].of(recipe(32, gradient_checkpointing=None))
    assert not search.trials[1].of(recipe(1, gradient_checkpointing=None))


def test_of_several_points_the_steepest_line_counts() -> None:
    points = [machine(10_000)(recipe(batch)) for batch in (2, 4, 8)]
    assert largest(points, 2600).batch == 16
    steeper = [*points[:2], points[2].model_copy(update={"peak_bytes": 2200})]
    assert largest(steeper, 2600).batch == 10
    refused = points[2].model_copy(update={"batch": 9, "fits": False})
    assert largest([*points, refused], 2600).batch == 8
