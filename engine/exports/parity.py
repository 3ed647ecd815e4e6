"""Parity of an export: how far it may be from the trained form, and what is said about how far it is.

The same prompts go through both forms, at temperature 0. `gap` is how much less likely (in nats, natural logarithms)
the trained form finds the other's token where two answers part: a gap near zero is a tie that rounding decides.
Perplexity is that of the prompts and the trained form's answers, token by token.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Work

ROWS, TOKENS = 8, 24  # held-out rows beside eight fixed prompts; tokens of an answer
MOST_TOLD = 10  # differences


@dataclass(frozen=True)
class Limit:
    """What an export of a kind may differ by and still be good. Its prompts must be the same tokens in any case."""

    gap: float | None  # nats where an answer parts; None: answers may part, and only the perplexity counts
    perplexity: float  # how much larger, as a share


# A merge in float32 and a file in f32 are the same numbers: what is left is the order of additions. llama.cpp keeps
# its memory of the text in float16, so that even f32 is not computed there as PyTorch does.
LIMITS = {
    "float32": Limit(0.001, 0.001),
    "float16": Limit(0.1, 0.01),
    "bfloat16": Limit(0.5, 0.02),
    "f32": Limit(0.1, 0.005),
    "f16": Limit(0.1, 0.01),
    "bf16": Limit(0.5, 0.02),
    "q8_0": Limit(None, 0.02),
    "Q6_K": Limit(None, 0.05),
    "Q5_K_M": Limit(None, 0.08),
    "Q5_K_S": Limit(None, 0.10),
    "Q4_K_M": Limit(None, 0.15),
    "Q4_K_S": Limit(None, 0.20),
    "Q3_K_M": Limit(None, 0.50),
}


def in_words(limit: Limit) -> str:
    """A limit as a sentence."""
    tokens = "answers may part" if limit.gap is None else f"answers part only at ties of {limit.gap:g} nats"
    return f"the same prompt tokens, {tokens}, perplexity at most {limit.perplexity:.1%} larger"


def is_good(result: Mapping[str, Any], limit: Limit) -> bool:
    """Whether a comparison (see engine.workers.exports.comparing) keeps within its limit."""
    gaps_fit = limit.gap is None or result["unexplained"] == 0
    is_near = bool(result["perplexity_change"] <= limit.perplexity)  # False for NaN
    return result["other_prompts"] == 0 and gaps_fit and is_near


def describe(made_by: Work | None) -> dict[str, Any] | None:
    """What is known of an export's parity; None where nothing was made, or it was made without a comparison.

    Exports of earlier versions have one number, `difference`: of a logit, as a share of the largest.
    """
    if made_by is None or made_by.status in (WorkStatus.FAILED, WorkStatus.STOPPED):
        return None
    if made_by.status in WORK_MOVING:
        return {"status": made_by.status.value}
    parity = made_by.result.get("parity")
    if isinstance(parity, int | float):
        return {"status": WorkStatus.SUCCEEDED.value, "difference": parity, "good": True}
    return {"status": WorkStatus.SUCCEEDED.value, **parity} if parity else None


def badge(parity: Mapping[str, Any]) -> str:
    """A comparison in a few words."""
    rows = parity.get("rows")
    if parity.get("status") in WORK_MOVING or (rows is None and parity.get("difference") is None):
        return str(parity.get("checked_by") or "not compared yet")
    if rows is None:
        return f"answers as base and adapter do (parity {parity['difference']:.1e})"
    if not rows:
        return f"not checked by answers: {parity['checked_by']}"
    if parity["identical"]:
        said = f"identical on {rows} prompts"
    else:
        first = parity["differs"][0]
        place = "in the prompt" if first["token"] is None else f"at token {first['token']}"
        said = f"differs on {parity['differing']} of {rows} prompts, first {place}"
    return f"{said}; largest difference {parity['largest']:.2g}, perplexity {parity['perplexity_change']:+.2%}"
