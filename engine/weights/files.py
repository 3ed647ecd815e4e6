"""Reads the files of a model folder that somebody else made: sizes capped, links held inside, nothing executed.

A folder from the internet may hold a header of 2**60 bytes, a link to /etc/passwd, or a pipe that never ends. Every
file is therefore a plain file below the folder before it is opened, and no more than a cap is read.
"""

import json
import math
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import RefusedError

MAX_JSON_BYTES = 32 << 20  # tokenizer_config.json of a large vocabulary has several megabytes
MAX_HEADER_BYTES = 16 << 20  # one entry has about 100 bytes; the largest real shards have some thousands
BITS = {"F64": 64, "F32": 32, "F16": 16, "BF16": 16, "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U8": 8, "BOOL": 8}
BITS |= {"F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "U16": 16, "U32": 32, "U64": 64, "F4": 4, "C64": 64}
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"


@dataclass(frozen=True)
class Tensor:
    """One entry of a safetensors header."""

    name: str
    dtype: str  # as safetensors spells it: F32, BF16 ...
    shape: tuple[int, ...]

    @property
    def parameters(self) -> int:
        return math.prod(self.shape)


def plain_file(folder: Path, name: str) -> Path | None:
    """That file when it is a plain one which, links resolved, lies below `folder`; None when there is none.

    The hub's own cache links from snapshots/REVISION to blobs/ of the same repository: that is allowed too.
    Raises RefusedError for a link that leads elsewhere, and for a device, pipe or folder of that name.
    """
    path = folder / name
    if not path.exists() and not path.is_symlink():
        return None
    if Path(name).name != name or not _inside(folder, path):
        raise RefusedError(f"`{name}` leads out of the model's folder.", "Copy the real file into the folder.")
    if not stat.S_ISREG(path.stat().st_mode):
        raise RefusedError(f"`{name}` is not a plain file.", "Copy the model again from where it came.")
    return path


def _inside(folder: Path, path: Path) -> bool:
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return False  # dangling, or a loop
    allowed = [folder.resolve()]
    if folder.parent.name == "snapshots":
        allowed.append((folder.parent.parent / "blobs").resolve())
    return any(real.is_relative_to(root) for root in allowed)


def read_text(folder: Path, name: str, most_bytes: int = 1 << 20) -> str | None:
    """The beginning of a text file, at most `most_bytes` of it; None when there is no such file."""
    path = plain_file(folder, name)
    if path is None:
        return None
    with path.open("rb") as file:
        return file.read(most_bytes).decode("utf-8", errors="replace")


def read_json(folder: Path, name: str) -> dict[str, Any] | None:
    """A JSON object; None when there is no such file. Raises RefusedError when it is something else, or too large."""
    text = read_text(folder, name, MAX_JSON_BYTES + 1)
    if text is None:
        return None
    try:
        value = json.loads(text) if len(text) <= MAX_JSON_BYTES else None
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"`{name}` is not valid JSON.", "Copy the model again from where it came.") from error
    if not isinstance(value, dict):
        raise RefusedError(f"`{name}` is not a JSON object.", "Copy the model again from where it came.")
    return value


def weight_files(folder: Path) -> list[str]:
    """The safetensors files that make up the model: those of the index, or the single one; none when it has none."""
    index = read_json(folder, INDEX)
    if index is None:
        return [SINGLE] if (folder / SINGLE).exists() or (folder / SINGLE).is_symlink() else []
    shards = index.get("weight_map")
    if not isinstance(shards, dict) or not all(isinstance(name, str) for name in shards.values()):
        raise RefusedError(f"`{INDEX}` has no weight_map.", "Copy the model again from where it came.")
    return sorted(set(shards.values()))


def tensors(folder: Path, name: str) -> list[Tensor]:
    """The tensors of one safetensors file, from its header alone. Raises RefusedError when the file does not hold."""
    path = plain_file(folder, name)
    if path is None:
        raise RefusedError(f"The weights file `{name}` is missing.", "Copy or download the whole model again.")
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if start == b"version ":
            hint = "Run `git lfs install` and `git lfs pull` in the folder, or download the model again."
            raise RefusedError(f"`{name}` is a Git LFS pointer, not the weights.", hint)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > min(MAX_HEADER_BYTES, size - 8):
            raise _broken(name, f"its header claims {length:,} bytes, the file has {size:,}")
        header = file.read(length)
    return _entries(name, header, size - 8 - length)


def _entries(name: str, header: bytes, data_bytes: int) -> list[Tensor]:
    try:
        entries = json.loads(header)
        entries.pop("__metadata__", None)
        parsed = [_tensor(key, entry, data_bytes) for key, entry in entries.items()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _broken(name, str(error)[:200]) from error
    if sum(tensor.parameters * BITS[tensor.dtype] for tensor in parsed) != data_bytes * 8:
        raise _broken(name, "the file is cut off, or longer than its tensors")
    return parsed


def _tensor(name: str, entry: dict[str, Any], data_bytes: int) -> Tensor:
    shape, dtype, (begin, end) = tuple(entry["shape"]), entry["dtype"], entry["data_offsets"]
    if dtype not in BITS:
        raise ValueError(f"unknown type {dtype!r}")
    if not all(isinstance(number, int) and number >= 0 for number in (*shape, begin, end)):
        raise ValueError(f"tensor {name!r:.80} has an impossible shape")
    if end > data_bytes:
        raise ValueError("the file is cut off")
    if (end - begin) * 8 != math.prod(shape) * BITS[dtype]:
        raise ValueError(f"tensor {name!r:.80} has another size than its shape")
    return Tensor(name, dtype, shape)


def _broken(name: str, reason: str) -> RefusedError:
    return RefusedError(f"`{name}` is not a complete safetensors file: {reason}.", "Copy or download the model again.")
