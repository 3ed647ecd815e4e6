"""A sweep of 60 trials as data, for the tests of the Sweeps page: `python -m tests.recorded_sweep --write`.

The numbers come from a surface with one optimum (a loss over learning rate, rank, dropout, batch and schedule) with
noise from seed to seed; trials are drawn as a sampler draws them: ten at random, then ever closer to the best so far.
Some are pruned, three run out of memory, two are refused, one was stopped by hand; the best is repeated with three
other seeds.
"""

import json
import math
import random
import sys
from pathlib import Path
from typing import Any

from engine.sweeps.picture import Picture
from storage import db
from storage.statuses import SweepStatus
from storage.tables import DEFAULT_PROJECT, Sweep, SweepTrial, TrialPick

FILE = Path(__file__).with_suffix(".json")
SEED, TRIALS, AT_RANDOM = 7, 60, 10
BEGAN = 1_796_000_000.0  # seconds since 1970
EVALUATIONS, STEPS_APART = 6, 20
NOISE = 0.006
RANKS, BATCHES, SCHEDULES = (8, 16, 32, 64), (2, 4, 8), ("linear", "cosine", "constant")
START = {"learning_rate": 2e-4, "lora_r": 16, "lora_dropout": 0.0, "per_device_train_batch_size": 4,
         "lr_scheduler_type": "linear"}  # fmt: skip
SPACE = {
    "learning_rate": {"low": 1e-5, "high": 3e-3, "log": True},
    "lora_r": {"choices": list(RANKS)},
    "lora_dropout": {"low": 0.0, "high": 0.2},
    "per_device_train_batch_size": {"choices": list(BATCHES)},
    "lr_scheduler_type": {"choices": list(SCHEDULES)},
}


def picture(sweep_id: str = "swrecorded60", name: str = "support answers, first sweep") -> Picture:
    """The recorded sweep. Another id or name makes a second one of it."""
    return Picture.model_validate(json.loads(FILE.read_text()) | {"id": sweep_id, "name": name})


def two_objectives() -> Picture:
    """The same sweep, asked for less held-out loss and for less time."""
    one = json.loads(FILE.read_text())
    one |= {"id": "swrecorded2", "name": "loss against time"}
    one["spec"] |= {"objective": [{"metric": "eval_loss"}, {"metric": "seconds"}], "pruner": "none", "sampler": "nsga2"}
    for trial in one["trials"]:
        if trial["values"]:
            trial["values"] = [trial["values"][0], round(trial["ended_at"] - trial["started_at"], 1)]
    return Picture.model_validate(one)


def store(picture: Picture) -> str:
    """Writes its rows, without runs, into the database of the studio; returns the id."""
    row = Sweep(
        id=picture.id, name=picture.name, project_id=DEFAULT_PROJECT, spec=picture.spec.model_dump(mode="json"),
        status=SweepStatus(picture.status), goal=picture.spec.budget.trials, created_at=picture.created_at or 0.0,
        ended_at=picture.ended_at,
    )  # fmt: skip
    trials = [
        SweepTrial(**trial.model_dump(exclude={"values", "steps"}), sweep_id=picture.id, is_put_away=True,
                   values=list(trial.values) if trial.values else None, steps=trial.model_dump(mode="json")["steps"])
        for trial in picture.trials
    ]  # fmt: skip
    picks = [TrialPick(sweep_id=picture.id, winner=one.better, loser=one.worse, is_alike=one.alike, at=place)
             for place, one in enumerate(picture.picks)]  # fmt: skip
    with db.session() as session:
        session.add(row)
        session.flush()
        session.add_all([*trials, *picks])
    return picture.id


def _loss(params: dict[str, Any], noise: random.Random) -> float:
    rate: float = math.log10(params["learning_rate"]) - math.log10(6e-4)
    rank = math.log2(params["lora_r"]) - 5
    schedule = {"linear": 0.012, "cosine": 0.0, "constant": 0.03}[params["lr_scheduler_type"]]
    batch: float = 0.008 * abs(math.log2(params["per_device_train_batch_size"]) - 2)
    bowl: float = 0.16 * rate**2 + (0.5 * rate**3 if rate > 0 else 0) + 0.01 * rank**2
    dropout: float = 1.6 * (params["lora_dropout"] - 0.05) ** 2
    return 1.182 + bowl + dropout + schedule + batch + noise.gauss(0, NOISE)


def _drawn(chance: random.Random, best: dict[str, Any] | None, number: int) -> dict[str, Any]:
    reach = max(0.15, 1 - number / 45)
    near = best is not None and number > AT_RANDOM and chance.random() < 0.85
    middle = math.log10(best["learning_rate"]) if best and near else chance.uniform(-5, math.log10(3e-3))
    exponent = min(math.log10(3e-3), max(-5, chance.gauss(middle, 0.8 * reach if near else 0)))
    dropout = chance.gauss(best["lora_dropout"], 0.08 * reach) if best and near else chance.uniform(0, 0.2)

    def kept(field: str, choices: tuple[Any, ...]) -> Any:
        return best[field] if best and near and chance.random() < 0.7 else chance.choice(choices)

    return {
        "learning_rate": float(f"{10**exponent:.6g}"),
        "lora_r": kept("lora_r", RANKS),
        "lora_dropout": round(min(0.2, max(0.0, dropout)), 4),
        "per_device_train_batch_size": kept("per_device_train_batch_size", BATCHES),
        "lr_scheduler_type": kept("lr_scheduler_type", SCHEDULES),
    }


def _steps(last: float, chance: random.Random) -> dict[int, float]:
    """What the loss was at each evaluation: down from 2.3 to its last value."""
    return {
        place * STEPS_APART: round(last + (2.3 - last) * math.exp(-1.1 * place) + chance.gauss(0, 0.002), 4)
        for place in range(1, EVALUATIONS + 1)
    }


def _ended(number: int, params: dict[str, Any], chance: random.Random, seen: list[dict[int, float]]) -> dict[str, Any]:
    """How a trial went. Pruned when it is behind the median of the trials before it, as the median pruner does."""
    if number in (13, 29, 41):
        reason = "out of memory: 2.31 GB were needed, 1.80 GB are free"
        return {"state": "failed", "reason": reason, "values": None, "steps": {}, "share": 0.08}
    if number == 35:
        return {"state": "failed", "reason": "stopped by hand", "values": None, "steps": {}, "share": 0.3}
    if number in (18, 47):
        reason = f"`lora_dropout` is {params['lora_dropout']:g}: adapters on single parameters need 0."
        return {"state": "refused", "reason": reason, "values": None, "steps": {}, "share": 0.0}
    loss = round(_loss(params, chance), 4)
    steps = _steps(loss, chance)
    for step, value in steps.items():
        others = sorted(other[step] for other in seen if step in other)
        if number >= AT_RANDOM and step < max(steps) and len(others) > 5 and value > others[len(others) // 2] + 0.012:
            told = {at: one for at, one in steps.items() if at <= step}
            reason = f"at step {step} it was {value:.4g}, behind the median of {len(others)} trials"
            return {"state": "pruned", "reason": reason, "values": None, "steps": told, "share": step / max(steps)}
    return {"state": "complete", "reason": "", "values": [steps[max(steps)]], "steps": steps, "share": 1.0}


def make() -> dict[str, Any]:
    """The whole sweep, the same each time."""
    chance = random.Random(SEED)
    free = [BEGAN, BEGAN]  # two at a time
    trials: list[dict[str, Any]] = []
    seen: list[dict[int, float]] = []
    best: dict[str, Any] | None = None
    for number in range(TRIALS):
        params = dict(START) if number == 0 else _drawn(chance, best and best["params"], number)
        how = _ended(number, params, chance, seen)
        trials.append(_trial(number, params, how, free, chance))
        if how["state"] == "complete":
            seen.append(how["steps"])
            best = trials[-1] if best is None or how["values"][0] < best["values"][0] else best
    assert best is not None
    for number in range(TRIALS, TRIALS + 3):
        loss = _loss(best["params"], chance)
        steps = _steps(round(loss, 4), chance)
        how = {"state": "complete", "reason": "", "values": [steps[max(steps)]], "steps": steps, "share": 1.0}
        trials.append(_trial(number, best["params"], how, free, chance) | {"phase": "repeat", "of": best["number"]})
    return _sweep(trials, max(free))


def _trial(number: int, params: dict[str, Any], how: dict[str, Any], free: list[float], chance: random.Random) -> Any:
    slot = free.index(min(free))
    seconds = (60 + 9 * params["per_device_train_batch_size"] + 0.4 * params["lora_r"]) * chance.uniform(0.9, 1.15)
    started = free[slot] + 2
    free[slot] = started + round(seconds * how["share"], 1)
    own = {key: value for key, value in how.items() if key != "share"}
    run_id = None if how["state"] == "refused" else f"run{number:03d}recorded"
    tokens = round(how["share"] * 120 * params["per_device_train_batch_size"] * 210)
    times = {"started_at": started, "ended_at": free[slot], "tokens": tokens}
    return {"number": number, "params": params, "phase": "search", "of": None, "run_id": run_id, **own, **times}


def _sweep(trials: list[dict[str, Any]], ended: float) -> dict[str, Any]:
    recipe = {"model_id": "starter", "dataset_id": "support", "method": "sft", "tuning": "lora", **START}
    spec = {"name": "support answers, first sweep", "recipe": recipe, "space": SPACE, "sampler": "tpe",
            "objective": {"metric": "eval_loss"}, "pruner": "median", "budget": {"trials": TRIALS}, "parallel": 2,
            "seed": SEED, "repeats": 3}  # fmt: skip
    return {"id": "swrecorded60", "name": spec["name"], "status": "succeeded", "spec": spec, "trials": trials,
            "created_at": BEGAN - 3, "ended_at": ended}  # fmt: skip


if __name__ == "__main__" and "--write" in sys.argv:
    FILE.write_text(json.dumps(make(), indent=1) + "\n")
