"""Which options a tuner tries, and which of them were best. Pure."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from engine.errors import RefusedError

Options = dict[str, Any]
Variant = dict[str, Any]  # {"options", "status", "benchmark_id", "error", "score", "numbers"}

MOST_VARIANTS = 24
KEPT = (
    "output_throughput", "request_throughput", "request_goodput", "median_ttft_ms", "p99_ttft_ms", "median_tpot_ms",
    "p99_e2el_ms", "completed", "failed",
)  # fmt: skip


def variants(now: Options, tried: Mapping[str, Sequence[Any]]) -> list[Variant]:
    """What is served now, first, then every combination of the values. Raises RefusedError for none or too many.

    vLLM takes no fewer tokens than answers in a step, so such combinations are left out.
    """
    empty = [name for name, values in tried.items() if not values]
    if empty or not tried:
        raise RefusedError("There is nothing to try.", f"Name values for {', '.join(empty) or 'an option'}.")
    combinations = [dict(now)]
    for values in product(*tried.values()):
        options = {**now, **dict(zip(tried, values, strict=True))}
        if options not in combinations and _possible(options):
            combinations.append(options)
    if len(combinations) > MOST_VARIANTS:
        hint = f"Try fewer values: at most {MOST_VARIANTS} combinations with the present one."
        raise RefusedError(f"{len(combinations)} combinations are too many.", hint)
    return [
        {"options": options, "status": "waiting", "benchmark_id": None, "error": None, "score": None, "numbers": {}}
        for options in combinations
    ]


def _possible(options: Options) -> bool:
    tokens, answers = options.get("max_num_batched_tokens"), options.get("max_num_seqs")
    return tokens is None or answers is None or tokens >= answers


def score_of(level: Mapping[str, Any]) -> dict[str, Any]:
    """The score of a level and the numbers that are kept of it. With an objective it is goodput, else tokens/s."""
    goodput = level.get("request_goodput")
    score = level["output_throughput"] if goodput is None else goodput
    return {"score": score, "numbers": {name: level.get(name) for name in KEPT}}


def best(tried: Sequence[Variant]) -> int | None:
    """The place of the best: none of its requests failed, then the highest score, then the shortest first token."""
    whole = [place for place, variant in enumerate(tried) if variant["score"] is not None]
    return max(whole, key=lambda place: _rank(tried[place]), default=None)


def _rank(variant: Variant) -> tuple[bool, float, float]:
    numbers = variant["numbers"]
    return not numbers["failed"], variant["score"], -(numbers["p99_ttft_ms"] or 0.0)
