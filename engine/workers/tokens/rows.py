"""A page of a dataset's rows as tokens: `python -m engine.workers.tokens.rows SPEC.json OUT/`.

Spec: {"dataset", "kind", "model", "cache", "max_length", "answers_only", "offset", "limit"}, the first four as
`engine.data.tokens` knows them. Leaves OUT/page.json; the result counts its rows. Light: no torch, a second in all.
"""

from pathlib import Path
from typing import Any

from engine.workers import limits


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Raises WorkFailedError when the tokenizer cannot be loaded or the chat template knows no bounds."""
    from engine.workers.tokens import page  # noqa: PLC0415  (numpy starts threads, which a fork would not survive)

    return page.write(spec, out)


if __name__ == "__main__":
    limits.run(work)
