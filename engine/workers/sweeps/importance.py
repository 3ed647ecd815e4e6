"""Which fields of a sweep mattered: `python -m engine.workers.sweeps.importance SPEC.json OUT/`.

Spec: {"study": a Study as JSON, "objective": the place of the objective}. Result: {field: its share}, together 1, by
PED-ANOVA (Watanabe and others, https://arxiv.org/abs/2304.10255): what sets the best tenth of the trials apart.
"""

from pathlib import Path
from typing import Any

from engine.sweeps.study import Study
from engine.workers import contract


def work(spec: dict[str, Any], out: Path) -> dict[str, float]:
    """Field -> share. A field that has one value only has none."""
    from engine.workers.sweeps import mattering  # noqa: PLC0415  (a broken install becomes a Failed event)

    return mattering.shares(Study.model_validate_json(spec["study"]), int(spec.get("objective", 0)))


if __name__ == "__main__":
    contract.run(work)
