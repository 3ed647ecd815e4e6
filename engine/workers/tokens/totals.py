"""A whole dataset counted in tokens: `python -m engine.workers.tokens.totals SPEC.json OUT/`.

Spec: {"dataset", "kind", "model", "cache", "max_length", "answers_only"}. Reads row by row with the code that training
uses, so the counts are those of a training, in constant memory.
"""

from pathlib import Path
from typing import Any

from engine.workers import limits


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Raises WorkFailedError when the tokenizer cannot be loaded or the chat template knows no bounds."""
    from engine.workers.tokens import statistics  # noqa: PLC0415  (numpy starts threads, which a fork would not survive)

    return statistics.counted(spec, out)


if __name__ == "__main__":
    limits.run(work)
