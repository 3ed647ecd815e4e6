"""A search on a training whose best settings are known; tests.bench.sweeps measures more of it."""

import math
import statistics
from pathlib import Path

import pytest

from engine.process import events
from engine.sweeps.spec import Pruner, Sampler
from tests import synthetic_trial, tracing
from tests.bench import sweeps

SEEDS, MOST_TRIALS = 5, 100
BEST = {
    "learning_rate": 6e-4,
    "warmup_ratio": 0.1,
    "weight_decay": 0.0,
    "lora_r": 24,
    "per_device_train_batch_size": 16,
}


def median_steps(sampler: Sampler, pruner: Pruner, most_trials: int = MOST_TRIALS) -> float:
    """The median of the steps until a search came near the best; infinite where it did not in so many trials."""
    with tracing.paused():
        searches = [sweeps.search(sampler, pruner, seed, most_trials) for seed in range(SEEDS)]
    return statistics.median(math.inf if search.steps is None else search.steps for search in searches)


@pytest.mark.slow  # some 1,000 questions to Optuna
def test_tpe_with_pruning_comes_near_the_best_in_fewer_steps_than_chance() -> None:
    """Chance is asked for as many trials as those steps are: whether it comes near later is not the question."""
    found = median_steps("tpe", "median")
    as_many = math.ceil(found / synthetic_trial.STEPS)
    assert found < median_steps("random", "none", as_many)


def test_the_made_up_training_tells_its_evaluations_as_a_real_one(tmp_path: Path) -> None:
    result = synthetic_trial.train({"recipe": BEST, "attempt": 1}, tmp_path)
    told, _end = events.read(tmp_path)
    losses = [event.metrics["eval_loss"] for event in told if isinstance(event, events.Step)]
    assert len(losses) == synthetic_trial.STEPS / synthetic_trial.EVERY
    assert losses[-1] < 1.01 * synthetic_trial.OPTIMUM
    assert (tmp_path / result["artifact"]).is_dir()
    assert math.isnan(synthetic_trial.eval_loss(BEST | {"learning_rate": 1e-2}, synthetic_trial.STEPS))
