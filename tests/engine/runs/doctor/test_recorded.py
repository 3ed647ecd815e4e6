"""Every rule against every recorded training: which fire, and that all others are silent."""

from pathlib import Path

import pytest

from engine.recipes.recipe import parse
from engine.runs.doctor import rules
from tests.curves import cases, matrix, record
from tests.curves.trainings import FURTHER, HEALTHY, TRAININGS, WRONG

NAMES = {rule.name for rule in rules.RULES}
CELLS = matrix.cells()


def test_every_recorded_training_has_its_recipe_and_every_training_is_recorded() -> None:
    recorded = {file.stem for file in Path(record.FOLDER).glob("*.json")}
    assert recorded == set(TRAININGS)
    for name in recorded:
        assert parse(record.read(name)["recipe"]).method


def test_ten_healthy_runs_and_more_of_many_methods_are_recorded() -> None:
    assert len(HEALTHY) >= 10
    assert len(FURTHER) >= 5  # looked at once the rules stood
    assert len({training.recipe.get("method", "sft") for training in HEALTHY.values()}) >= 9


def test_every_rule_has_a_training_that_was_made_for_it_and_what_else_fires_there_has_its_reason() -> None:
    assert set(matrix.FIRES) == set(WRONG)
    made_for = {next(iter(fires)) for fires in matrix.FIRES.values()}
    assert made_for == NAMES
    for fires in matrix.FIRES.values():
        others = list(fires.values())[1:]
        assert all(others)
    assert len(CELLS) == len(NAMES) * len(TRAININGS)


@pytest.mark.parametrize("name", sorted(TRAININGS))
def test_every_rule_fires_or_is_silent_on_a_recorded_training_as_the_matrix_says(name: str) -> None:
    case = cases.of(record.read(name))
    fired = {rule.name: finding for rule, finding in rules.diagnose(case)}
    assert {rule: rule in fired for rule in NAMES} == {rule: CELLS[rule, name] for rule in NAMES}
    for finding in fired.values():
        assert 0 <= finding.from_step <= finding.to_step <= max(case.max_steps or 0, finding.from_step)
        assert finding.metric in case.curves
        assert any(letter.isdigit() for letter in finding.message)
        parse(case.recipe.model_dump() | finding.remedy)


WITHOUT_REMEDY = {"order_lost", "data_bound"}  # no field of the recipe helps


@pytest.mark.parametrize("name", sorted(set(matrix.FIRES) - WITHOUT_REMEDY))
def test_a_rule_that_has_a_remedy_keeps_it_through_the_check_of_the_recipe(name: str) -> None:
    case = cases.of(record.read(name))
    assert all(finding.remedy == rule.look(case).remedy for rule, finding in rules.diagnose(case))  # type: ignore[union-attr]
    assert any(finding.remedy for _, finding in rules.diagnose(case))
