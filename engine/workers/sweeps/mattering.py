"""How much each field of a space mattered, by Optuna's PED-ANOVA."""

import math
from typing import Any

import optuna
from optuna.importance import PedAnovaImportanceEvaluator

from engine.sweeps.study import Study, Trial
from engine.workers.sweeps import optuna_study


def shares(study: Study, objective: int) -> dict[str, float]:
    """Field -> its share of what made the difference in one objective, together 1 unless nothing made any."""
    with optuna_study.quiet():
        made = optuna_study.make(_with_one_objective(study, objective))
        judged = optuna.importance.get_param_importances(made, evaluator=PedAnovaImportanceEvaluator())
    # Optuna gives numbers of numpy, which JSON does not know, and leaves out a field with one value.
    return {field: float(judged.get(field, 0.0)) for field in study.space}


def _with_one_objective(study: Study, objective: int) -> Study:
    """What was pruned is told as the worst that ran to its end.

    All that counts is which trials are the best tenth. Without the pruned ones nothing would be known of the settings
    that a pruner keeps away from.
    """
    direction = study.directions[objective]
    values = [trial.values[objective] for trial in study.trials if trial.state == "complete" and trial.values]
    finite = [value for value in values if math.isfinite(value)]
    worst = max(finite, default=0.0) if direction == "minimize" else min(finite, default=0.0)
    trials = [trial.model_copy(update=_told(trial, objective, worst)) for trial in study.trials]
    return study.model_copy(update={"directions": (direction,), "trials": tuple(trials)})


def _told(trial: Trial, objective: int, worst: float) -> dict[str, Any]:
    if trial.state == "pruned":
        return {"state": "complete", "values": (worst,)}
    return {"values": trial.values[objective : objective + 1] if trial.values else None}
