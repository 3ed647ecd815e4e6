"""Looks what configurations and splits a dataset of the hub has: `python -m engine.workers.look_data SPEC OUT`.

Spec: {"id", "revision"?}. Result: engine.workers.fetch_data.look. A process of its own, so that the token in
HF_TOKEN and a hub that does not answer stay out of the studio.
"""

from pathlib import Path
from typing import Any

from engine.workers import contract, fetch_data


def work(spec: dict[str, Any], _out: Path) -> dict[str, Any]:
    """Raises WorkFailedError in words."""
    return fetch_data.look(spec)


if __name__ == "__main__":
    contract.run(work)
