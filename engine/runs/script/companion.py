"""The model that a training asks while it trains: a teacher, a reward model."""

from typing import Any

from engine.runs.script.told import Told


def constants(told: Told, name: str) -> dict[str, Any]:
    """Where it is and in which precision it computes, as NAME, NAME_ADAPTER and NAME_DTYPE."""
    companion = told.spec["companion"]
    path, adapter = str(companion["path"]), companion["adapter"]
    if told.hides_paths:
        path, adapter = name.lower(), f"{name.lower()}-adapter" if adapter else None
    return {name: path, f"{name}_ADAPTER": adapter, f"{name}_DTYPE": "bfloat16" if told.is_bf16 else "float32"}
