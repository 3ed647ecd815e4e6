"""Reward models as what is judged: the score of the better and of the worse answer of each row."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from engine.workers.contract import WorkFailedError
from engine.workers.evaluate import sides
from engine.workers.rewards import model as reward_model

Pair = list[Any]  # the question's turns; turns of the better answer but the last, and that one's text; the worse one's
AT_ONCE = 16


def pair(values: Mapping[str, Any]) -> Pair:
    """What of a row a reward model reads. Raises WorkFailedError for rows that have no two answers."""
    if "chosen" not in values:
        message = "A reward model is judged by pairs of a better and a worse answer, and these rows have none."
        raise WorkFailedError("data", message, "Choose a preference dataset.")
    chosen, rejected = values["chosen"], values["rejected"]
    return [values["prompt"], [*chosen[:-1]], str(chosen[-1].get("content") or ""),
            [*rejected[:-1]], str(rejected[-1].get("content") or "")]  # fmt: skip


def scores(
    side: Mapping[str, Any], pairs: Sequence[Pair], settings: tuple[str, str], each_step: Callable[[], None]
) -> list[list[float] | None]:
    """The two scores of each pair; None where the model cannot read one as a whole. A base gets its new head."""
    device, dtype = settings
    adapter = Path(side["adapter_path"]) if side["adapter_path"] else None
    if new_head := side["head_seed"] is not None:
        torch.manual_seed(side["head_seed"])  # the same head as at the start of the training
    scorer = reward_model.load(Path(side["model_path"]), adapter, device, getattr(torch, dtype), new_head)
    losses: list[list[float] | None] = []
    for start in range(0, len(pairs), AT_ONCE):
        some = pairs[start : start + AT_ONCE]
        better = scorer([prompt + before for prompt, before, _, _, _ in some], [one[2] for one in some])
        worse = scorer([prompt + before for prompt, _, _, before, _ in some], [one[4] for one in some])
        losses += [
            None if None in both else [float(value or 0) for value in both] for both in zip(better, worse, strict=True)
        ]
        each_step()
    del scorer
    sides.release()
    return losses
