"""The packages of a script with their versions: those the run trained with, where it wrote them down, else today's."""

from collections.abc import Iterable
from functools import lru_cache
from importlib import metadata

from engine.runs.script.told import Told

ALWAYS = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "numpy", "pyarrow", "safetensors")


def pinned(told: Told, others: Iterable[str]) -> list[str]:
    """`name==version` for each package; a name alone where the version is not known."""
    written = told.facts.to_json()
    return [_pinned(name, written.get(name)) for name in dict.fromkeys((*ALWAYS, *others))]


def _pinned(name: str, written: object) -> str:
    version = written if isinstance(written, str) else _installed(name)
    version = (version or "").partition("+")[0]  # such as 2.13.0+cpu: an index of its own, for this machine
    return f"{name}=={version}" if version else name


@lru_cache(maxsize=64)
def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
