"""Scripts of the methods that learn from judged answers, from their own, and from a teacher train as the studio did."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.recipes.methods import METHODS
from engine.runs.script.told import Told
from tests import tiny
from tests.workers.script.scripts import Points, played_all, trained
from tests.workers.train.judged import store_rows
from tests.workers.train.training_runs import spec, sums, write_rows

NEAR = 0.01  # of each step's loss, where the studio computes faster
ROUNDING = 1e-6  # what is left of a loss that is zero
REWARD = (
    "import re\n\ndef reward(completion, ground_truth, **columns):\n    return len(re.findall('[0-9]', completion))"
)
RULES: dict[str, Any] = {
    "max_completion_length": 12,
    "reward_funcs": "length, exact_match, regex, json_schema, python",
    "reward_weights": "1, 2, 0.5, 1, 0.1",
    "reward_length": 10,
    "reward_pattern": "([a-z]+)",
    "reward_code": REWARD,
    "bf16": False,
    "eval_fraction": 0.2,
    "eval_steps": 2,
}
OWN: dict[str, dict[str, Any]] = {
    "dpo": {"eval_fraction": 0.2, "eval_steps": 2},
    "kto": {"eval_fraction": 0.2, "eval_steps": 2, "gradient_accumulation_steps": 2},
    "simpo": {"simpo_gamma": 1.0},
    "cpo": {"loss_type": "hinge", "train_sampling_strategy": "random"},
    "grpo": RULES,
    "rloo": {"max_completion_length": 12, "reward_funcs": "length", "reward_length": 10, "bf16": False},
    "gkd": {"max_completion_length": 12, "teacher_id": "teacher"},
}
TRIED = [method for method in METHODS if method not in ("sft", "cpt", "reward")]

Pair = tuple[Points, Points]


@pytest.fixture(scope="module")
def both(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Pair]]:
    """The numbers of each method's run and of its script. All scripts run in one process, which imports once."""
    folder = tmp_path_factory.mktemp("judged")
    runs = {method: trained(values(method, tiny_model, folder), folder / method) for method in TRIED}
    scripts: dict[str, Told] = {method: told for method, (told, _) in runs.items()}
    played = played_all(scripts, folder / "scripts")
    yield {method: (runs[method][1], played[method]) for method in TRIED}


def values(method: str, model: Path, folder: Path, **fields: Any) -> dict[str, Any]:
    """spec.json of a short training."""
    kind = METHODS[method].kinds[0]
    rows = write_rows(folder, "chat", sums(24)) if kind == "chat" else store_rows(folder, kind)
    told = spec(model, rows, kind, method=method, max_steps=3, **(OWN.get(method, {}) | fields))
    if method == "gkd":
        teacher = folder / "teacher"
        tiny.make(teacher, seed=1)
        told["companion"] = {"path": str(teacher), "adapter": None}
    return told


@pytest.mark.parametrize("method", TRIED)
def test_a_script_learns_step_by_step_as_the_run_did(method: str, both: dict[str, Pair]) -> None:
    ours, theirs = both[method]
    assert sorted(ours) == sorted(theirs) == [1, 2, 3]
    for step, numbers in ours.items():
        for name in [name for name in numbers if name in ("loss", "eval_loss", "reward", "eval_reward", "grad_norm")]:
            near = NEAR if "loss" in name else 5 * NEAR
            assert theirs[step][name] == pytest.approx(numbers[name], rel=near, abs=ROUNDING), (step, name)
