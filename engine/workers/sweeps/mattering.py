"""How much each field of a space mattered, by Optuna's PED-ANOVA."""

import optuna
from optuna.importance import PedAnovaImportanceEvaluator

from engine.sweeps.study import Study
from engine.workers.sweeps import optuna_study


def shares(study: Study, objective: int) -> dict[str, float]:
    """Field -> its share of what made the difference in one objective, together 1 unless nothing made any."""
    with optuna_study.quiet():
        made = optuna_study.make(_with_one_objective(study, objective))
        judged = optuna.importance.get_param_importances(made, evaluator=PedAnovaImportanceEvaluator())
    # Optuna gives numbers of numpy, which JSON does not know, and leaves out a field with one value.
    return {field: float(judged.get(field, 0.0)) for field in study.space}


def _with_one_objective(study: Study, objective: int) -> Study:
    trials = [
        trial.model_copy(update={"values": trial.values[objective : objective + 1] if trial.values else None})
        for trial in study.trials
    ]
    return study.model_copy(update={"directions": (study.directions[objective],), "trials": tuple(trials)})
