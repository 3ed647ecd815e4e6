"""Serves one base model and its adapters on a Unix socket: `python -m engine.workers.serve.serve SPEC.json OUT/`.

Loads, answers one token to itself, listens, says `Ready`. SIGTERM ends it after the answers in flight. Spec:
    model_path, device, socket
    dtype      of the weights, when it is not bfloat16
    adapters   {key: folder}: LoRA adapters on that model, or whole models
    expected   folders of adapters that will be loaded while it runs: room is made for their tokens
    names      {served name: key, or "" for the base model}
"""

from importlib import import_module
from pathlib import Path
from typing import Any

from engine.workers import contract, lean_imports


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Serves until SIGTERM. Returns nothing worth knowing."""
    with lean_imports.importing():
        for name in needed(spec):
            import_module(name)
        from engine.workers.serve import server  # noqa: PLC0415  (seconds; and a broken install becomes a Failed event)

    server.serve(spec, out)


def needed(spec: dict[str, Any]) -> list[str]:
    """What the first model, and the first adapter, would otherwise import, with Python's collector at work."""
    return ["transformers.modeling_utils", *(["peft"] if spec.get("expected") else [])]


if __name__ == "__main__":
    contract.run(work)
