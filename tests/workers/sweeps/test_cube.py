"""A space as a cube, beside Optuna's own idea of the same fields."""

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from engine.sweeps.spec import Choices, Dimension, Range
from engine.sweeps.study import Study
from engine.workers.sweeps import cube, optuna_study

FIELDS: list[tuple[Dimension, bool, int | None]] = [
    (Range(low=1e-5, high=1e-2, log=True), False, None),
    (Range(low=0, high=0.3), False, None),
    (Range(low=0, high=0.3, step=0.1), False, 4),
    (Range(low=0.1, high=0.95, step=0.2), False, 5),
    (Range(low=4, high=64, step=4), True, 16),
    (Range(low=1, high=6, step=2), True, 3),
    (Range(low=1, high=32, log=True), True, 32),
    (Range(low=3, high=3), True, 1),
    (Range(low=0.5, high=0.5), False, 1),
    (Range(low=1e-4, high=1e-2, log=True, step=1e-3), False, None),
    (Choices(choices=("a", None, True, 1.5)), False, 4),
]


@pytest.mark.parametrize(("dimension", "whole", "count"), FIELDS)
def test_every_place_of_a_field_is_a_value_that_optuna_has_too(
    dimension: Dimension, whole: bool, count: int | None
) -> None:
    theirs = optuna_study.distribution(dimension, whole)
    assert cube.cells(dimension, whole) == count
    values = [cube.at(dimension, whole, place / 400) for place in range(401)]
    assert all(optuna_study._contains(theirs, value) for value in values)
    if count is not None:
        assert set(map(repr, values)) == {repr(cube.nth(dimension, whole, place)) for place in range(count)}
    if isinstance(dimension, Range):
        back = [cube.at(dimension, whole, cube.unit(dimension, whole, float(value or 0))) for value in values]
        assert back == pytest.approx(values)


def test_what_optuna_is_told_has_no_step_that_does_not_fit() -> None:
    assert optuna_study.distribution(Range(low=0.1, high=0.95, step=0.2), False) == FloatDistribution(
        0.1, 0.9, step=0.2
    )
    assert optuna_study.distribution(Range(low=1, high=6, step=2), True) == IntDistribution(1, 5, step=2)
    assert optuna_study.distribution(Choices(choices=(1, 2)), True) == CategoricalDistribution((1, 2))


def test_a_finite_space_is_numbered_through_and_one_without_end_has_no_size() -> None:
    space = {"a": Range(low=1, high=3), "b": Choices(choices=(True, False))}
    study = Study(space=space, whole=("a",), directions=("minimize",), sampler="grid", pruner="none", seed=0)
    assert cube.size(study) == 6
    assert [cube.combination(study, place) for place in (0, 1, 5)] == [
        {"a": 1, "b": True},
        {"a": 1, "b": False},
        {"a": 3, "b": False},
    ]
    assert cube.size(study.model_copy(update={"whole": ()})) is None


def test_settings_have_one_name_whether_a_number_came_as_16_or_as_16_point_0() -> None:
    space = {"a": Range(low=1, high=30), "b": Choices(choices=(True, 1))}
    study = Study(space=space, whole=("a",), directions=("minimize",), sampler="tpe", pruner="none", seed=0)
    assert cube.key(study, {"a": 16, "b": 1}) == cube.key(study, {"b": 1, "a": 16.0})
    assert cube.key(study, {"a": 16, "b": 1}) != cube.key(study, {"a": 16, "b": True})
