"""Which fields mattered: by the objective that was asked for, with pruned trials, and from hardly any trials."""

import pytest

from engine.sweeps.spec import Range
from engine.workers.sweeps import mattering
from tests.workers.sweeps.rows import by_chance, loss, study


def test_each_objective_has_its_own_field_that_matters_most() -> None:
    rows = tuple(
        trial.model_copy(update={"values": (loss(trial.params), float(trial.params["lora_r"] or 0))})
        for trial in by_chance(80)
    )
    two = study(trials=rows).model_copy(update={"directions": ("minimize", "maximize")})
    most = [max(shares, key=shares.__getitem__) for shares in (mattering.shares(two, 0), mattering.shares(two, 1))]
    assert most == ["learning_rate", "lora_r"]


def test_what_was_pruned_tells_which_settings_are_bad() -> None:
    """All that ran to their end have a good learning rate: only the pruned ones show that it decided."""
    rows = by_chance(120)
    pruned = [
        trial
        if trial.values and trial.values[0] < 1.35
        else trial.model_copy(update={"state": "pruned", "values": None})
        for trial in rows
    ]
    assert 20 < sum(trial.state == "complete" for trial in pruned) < 60
    finished = tuple(trial for trial in pruned if trial.state == "complete")
    with_pruned = mattering.shares(study(trials=tuple(pruned)), 0)
    without = mattering.shares(study(trials=finished), 0)
    assert with_pruned["learning_rate"] > without["learning_rate"]
    assert with_pruned == pytest.approx(mattering.shares(study(trials=tuple(rows)), 0))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_trials_give_plain_numbers_and_no_error(count: int) -> None:
    shares = mattering.shares(study(trials=tuple(by_chance(count))), 0)
    assert all(type(share) is float for share in shares.values())


def test_a_field_with_one_value_has_no_share() -> None:
    rows = tuple(trial.model_copy(update={"params": trial.params | {"lora_r": 8}}) for trial in by_chance(40))
    asked = study(trials=rows)
    asked = asked.model_copy(update={"space": asked.space | {"lora_r": Range(low=8, high=8)}})
    assert mattering.shares(asked, 0)["lora_r"] == 0
