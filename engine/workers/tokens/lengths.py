"""What becomes of each row at any length: `python -m engine.workers.tokens.lengths SPEC.json OUT/`.

Spec: {"dataset", "kind", "model", "cache", "max_length", "answers_only"}, as engine.workers.tokens.totals; `max_length`
is the longest row that the model reads. `kind` is `prompt` where only prompts are read, also for completions.
"""

from pathlib import Path
from typing import Any

from engine.workers import limits


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Raises WorkFailedError when the tokenizer cannot be loaded or the chat template knows no bounds."""
    from engine.workers.tokens import row_lengths  # noqa: PLC0415  (numpy starts threads; a fork would not survive it)

    return row_lengths.write(spec, out)


if __name__ == "__main__":
    limits.run(work)
