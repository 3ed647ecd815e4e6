"""The rewards of a recipe on the answers of one side, by the code that judges them in a training.

A person's own function runs in the sandbox, as it does there.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from engine.evaluate.measures.measures import REWARD
from engine.recipes.choices.commas import weights, words
from engine.recipes.recipe import parse
from engine.workers.contract import WorkFailedError
from engine.workers.evaluate.gathering import Found
from engine.workers.evaluate.rows import Asked, truth_column
from engine.workers.evaluate.sides import release
from engine.workers.rewards import model as reward_model
from engine.workers.rewards import rewards

Values = list[float | None]  # of each row


def judged(spec: Mapping[str, Any], rows: Sequence[Asked], answers: Found, notes: list[str]) -> dict[str, Values]:
    """Each reward of the recipe on the answers of one side, and `reward`, their sum by their weights."""
    recipe = parse(spec["recipe"])
    column = recipe.reward_column or ("completion" if spec["rows"]["kind"] == "completion" else truth_column(spec))
    scorer, why_not = _scorer(spec)
    names = [name for name in words(recipe.reward_funcs) if name != "reward_model" or scorer is not None]
    if len(names) < len(words(recipe.reward_funcs)) and not notes:
        notes.append(f"The reward model was left out. {why_not}".strip())
    if not names:
        return {}
    shares = dict(zip(words(recipe.reward_funcs), weights(recipe.reward_weights), strict=False))
    judges = rewards.judges(recipe.model_copy(update={"reward_funcs": ",".join(names)}), column, scorer)
    arguments = {
        "completions": [answer.text for answer in answers.answers],
        "extra": [json.dumps(_columns(row)) for row in rows],
        "messages": [json.dumps(row.turns) for row in rows],
    }
    each = {name: judge(**arguments) for name, judge in zip(names, judges, strict=True)}
    del judges, scorer
    release()
    total = [_sum([(each[name][index], shares.get(name, 1.0)) for name in names]) for index in range(len(rows))]
    return {"reward": total, **{f"{REWARD}{name}": values for name, values in each.items()}}


def _columns(row: Asked) -> dict[str, Any]:
    completion = row.values.get("completion")
    return {**(row.values.get("extra") or {}), **({"completion": completion} if isinstance(completion, str) else {})}


def _sum(parts: Sequence[tuple[float | None, float]]) -> float | None:
    known = [value * weight for value, weight in parts if value is not None]
    return sum(known) if known else None


def _scorer(spec: Mapping[str, Any]) -> tuple[reward_model.Scorer | None, str]:
    """The reward model that the recipe names; without it, why there is none."""
    companion = spec.get("companion")
    if not companion:
        return None, str(spec.get("companion_missing", ""))
    adapter = Path(companion["adapter"]) if companion["adapter"] else None
    device = "cpu" if spec.get("device", "cpu") == "cpu" else "cuda"
    try:
        return reward_model.load(Path(companion["path"]), adapter, device, torch.bfloat16), ""
    except WorkFailedError as error:
        return None, error.message
