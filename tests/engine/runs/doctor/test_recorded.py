"""Every rule against every recorded training: which fire, and that all others are silent."""

from pathlib import Path

import pytest

from engine.recipes.recipe import parse
from engine.runs.doctor import rules
from tests.curves import cases, record
from tests.curves.trainings import HEALTHY, TRAININGS

NAMES = {rule.name for rule in rules.RULES}
NOT_RECORDED = {"memory_near_limit", "length_grows"}  # nothing here provokes them: tests by hand in test_rules

# What fires on which, and nothing else does. A healthy run is in no line.
FIRES: dict[str, set[str]] = {
    "not_a_number": {"loss_not_a_number", "gradients_exploding"},
    "rate_far_too_high": {"learning_rate_high", "gradients_exploding"},
    "zero_loss": {"zero_loss", "margins_explode"},
    "flat": {"flat_loss"},
    "rate_low": {"learning_rate_low"},
    "rate_high": {"learning_rate_high"},
    "spike": {"loss_spike"},
    "gradients_vanish": {"gradients_vanishing", "learning_rate_high"},
    "overfit": {"held_out_rises"},
    "clipped_answers": {"answers_clipped"},
    "all_alike": {"answers_alike"},
    "saturated": {"reward_saturated"},
    "margins_explode": {"margins_explode"},
    "too_few_steps": {"too_few_steps"},
    "order_lost": {"order_lost"},
    "data_bound": {"data_bound"},
}


def test_every_recorded_training_has_its_recipe_and_every_training_is_recorded() -> None:
    recorded = {file.stem for file in Path(record.FOLDER).glob("*.json")}
    assert recorded == set(TRAININGS)
    for name in recorded:
        assert parse(record.read(name)["recipe"]).method


def test_ten_healthy_runs_and_more_of_many_methods_are_recorded() -> None:
    assert len(HEALTHY) >= 10
    assert len({training.recipe.get("method", "sft") for training in HEALTHY.values()}) >= 9


def test_every_rule_has_a_recorded_curve_or_is_named_as_one_that_has_none() -> None:
    assert set().union(*FIRES.values()) == NAMES - NOT_RECORDED


@pytest.mark.parametrize("name", sorted(TRAININGS))
def test_the_rules_that_fire_on_a_recorded_training_are_those_of_the_table(name: str) -> None:
    case = cases.of(record.read(name))
    fired = {rule.name: finding for rule, finding in rules.diagnose(case)}
    silent = NAMES - set(fired)
    assert set(fired) == FIRES.get(name, set())
    assert silent == NAMES - FIRES.get(name, set())
    for finding in fired.values():
        assert 0 <= finding.from_step <= finding.to_step <= max(case.max_steps or 0, finding.from_step)
        assert finding.metric in case.curves
        assert any(letter.isdigit() for letter in finding.message)
        parse(case.recipe.model_dump() | finding.remedy)


WITHOUT_REMEDY = {"order_lost", "data_bound"}  # no field of the recipe helps


@pytest.mark.parametrize("name", sorted(set(FIRES) - WITHOUT_REMEDY))
def test_a_rule_that_has_a_remedy_keeps_it_through_the_check_of_the_recipe(name: str) -> None:
    case = cases.of(record.read(name))
    assert all(finding.remedy == rule.look(case).remedy for rule, finding in rules.diagnose(case))  # type: ignore[union-attr]
    assert any(finding.remedy for _, finding in rules.diagnose(case))
