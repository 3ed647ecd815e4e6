"""What mattered, and the sweep as a study of Optuna: asked of real workers, read by real Optuna."""

import json

import optuna
import pytest

from engine.process import work
from engine.sweeps import asking
from engine.sweeps.study import Trial, TrialState
from storage.statuses import WorkStatus
from tests.workers.sweeps.rows import SPACE, by_chance, study

STATES: tuple[TrialState, ...] = ("complete", "pruned", "refused", "failed", "running")


def test_the_share_of_each_field_is_plain_and_adds_up() -> None:
    running = Trial(number=60, state="running", params={})
    piece = asking.ask_importance("s", study(trials=(*by_chance(60), running)))
    done = work.wait(piece.id, 60)
    assert done.status == WorkStatus.SUCCEEDED
    shares = json.loads(json.dumps(done.result))
    assert shares.keys() == SPACE.keys()
    assert sum(shares.values()) == pytest.approx(1)
    assert max(shares, key=shares.__getitem__) == "learning_rate"
    assert asking.ask_importance("s", study(trials=tuple(by_chance(60)))).id == done.id  # what runs changes nothing
    assert asking.ask_importance("s", study(trials=tuple(by_chance(61)))).id != done.id


def test_optuna_opens_the_file_and_finds_every_trial_that_has_ended() -> None:
    trials = [
        trial.model_copy(update={"started_at": 1e9 + trial.number, "ended_at": 1e9 + trial.number + 60})
        for trial in by_chance(20, state=lambda number: STATES[number % len(STATES)])
    ]
    trials[1] = trials[1].model_copy(update={"steps": {10: float("nan")}, "reason": "It diverged.", "run_id": "r1"})
    warm = trials[0].model_copy(update={"number": 20, "phase": "warm"})
    done = work.wait(asking.ask_study_file("s", "rate & rank", study(trials=(*trials, warm))).id, 60)
    path = asking.study_file(done)
    assert path is not None
    assert done.result == {"trials": 16}
    opened = optuna.load_study(study_name=None, storage=f"sqlite:///{path}")
    assert opened.study_name == "rate & rank"
    best = min((trial for trial in trials if trial.values), key=lambda trial: trial.values or ())
    assert (opened.best_value, opened.best_params) == (best.values[0] if best.values else None, best.params)
    assert opened.best_trial.user_attrs["number"] == best.number
    assert opened.best_trial.duration is not None
    assert opened.best_trial.duration.total_seconds() == 60
    assert opened.best_trial.intermediate_values == best.steps
    states = [trial.state.name for trial in opened.trials]
    assert states[:4] == ["COMPLETE", "PRUNED", "FAIL", "FAIL"]
    assert {"reason": "It diverged.", "run": "r1"}.items() <= opened.trials[1].user_attrs.items()
    again = asking.ask_study_file("s", "rate & rank", study(trials=(*trials, warm)))
    assert again.id == done.id
