"""Looks what configurations and splits a dataset of the hub has: `python -m engine.workers.data.hub_splits SPEC OUT`.

Spec: {"id", "revision"?}. Result: engine.workers.data.hub_files.look. A process of its own, so that the token in
HF_TOKEN and a hub that does not answer stay out of the studio.
"""

from pathlib import Path
from typing import Any

from engine.workers import contract
from engine.workers.data import hub_files


def work(spec: dict[str, Any], _out: Path) -> dict[str, Any]:
    """Raises WorkFailedError in words."""
    return hub_files.look(spec)


if __name__ == "__main__":
    contract.run(work)
