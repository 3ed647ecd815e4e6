"""Reads the files of a model folder that somebody else made: sizes capped, links held inside, nothing executed.

A folder from the internet may hold a header of 2**60 bytes, a link to /etc/passwd, a pipe that never ends, or a short
file of numbers with thousands of digits, whose product takes minutes. Every file is therefore a plain file below the
folder before it is opened, no more than a cap is read, and every number is small before anything is done with it.
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
MAX_ALL_HEADERS_BYTES = 64 << 20  # of all shards; a model of a trillion weights has 15 MB
MAX_ITEMS = 2_000_000  # of one JSON file: each takes memory, however short it is written
MAX_SHARDS = 2000
MAX_DIMENSIONS = 16
MAX_NUMBER = 2**63 - 1  # the safetensors format has 64 bits for it
MAX_DIGITS = 40
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
        message = f"`{printable(name)}` leads out of the model's folder."
        raise RefusedError(message, "Copy the real file into the folder.")
    if not stat.S_ISREG(path.stat().st_mode):
        raise RefusedError(f"`{printable(name)}` is not a plain file.", "Copy the model again from where it came.")
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


def read_json(folder: Path, name: str, most_bytes: int = MAX_JSON_BYTES) -> dict[str, Any] | None:
    """A JSON object; None when there is no such file. Raises RefusedError when it is something else, or too large."""
    text = read_text(folder, name, most_bytes + 1)
    if text is None:
        return None
    if len(text) > most_bytes or _items(text) > MAX_ITEMS:
        message = f"`{name}` is not a file of that name as models have it: it is far too large."
        raise RefusedError(message, "Copy the model again from where it came.")
    try:
        value = json.loads(text, parse_int=_whole_number)
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"`{name}` is not valid JSON.", "Copy the model again from where it came.") from error
    if not isinstance(value, dict):
        raise RefusedError(f"`{name}` is not a JSON object.", "Copy the model again from where it came.")
    return value


def _items(text: str) -> int:
    """No fewer than the values in a JSON text. Brackets and commas inside strings count too."""
    return text.count(",") + text.count("{") + text.count("[")


def _whole_number(digits: str) -> int:
    """A number of a JSON text. One with thousands of digits takes long to read, and no model has any."""
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"the number {digits[:20]}... has {len(digits):,} digits")
    return int(digits)


def printable(text: str) -> str:
    """Text of a stranger's file as a database and a page can hold it: no control characters, no half surrogates."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def weight_files(folder: Path) -> list[str]:
    """The safetensors files that make up the model: those of the index, or the single one; none when it has none."""
    index = read_json(folder, INDEX)
    if index is None:
        return [SINGLE] if (folder / SINGLE).exists() or (folder / SINGLE).is_symlink() else []
    shards = index.get("weight_map")
    if not isinstance(shards, dict) or not all(isinstance(name, str) for name in shards.values()):
        raise RefusedError(f"`{INDEX}` has no weight_map.", "Copy the model again from where it came.")
    names = sorted(set(shards.values()))
    if len(names) > MAX_SHARDS:
        message = f"`{INDEX}` names {len(names):,} weights files; no model has more than {MAX_SHARDS:,}."
        raise RefusedError(message, "Copy the model again from where it came.")
    return names


def tensors(folder: Path, names: list[str]) -> list[Tensor]:
    """The tensors of these safetensors files, from their headers alone. Raises RefusedError when one does not hold."""
    listed: list[Tensor] = []
    left = MAX_ALL_HEADERS_BYTES
    for name in names:
        header, data_bytes = _header(folder, name, min(MAX_HEADER_BYTES, left))
        listed += entries(name, header, data_bytes)
        left -= len(header)
    return listed


def _header(folder: Path, name: str, most_bytes: int) -> tuple[bytes, int]:
    """The header's text, and how many bytes of weights come after it."""
    path = plain_file(folder, name)
    if path is None:
        raise RefusedError(f"The weights file `{printable(name)}` is missing.", "Copy or download the model again.")
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if start == b"version ":
            hint = "Run `git lfs install` and `git lfs pull` in the folder, or download the model again."
            raise RefusedError(f"`{name}` is a Git LFS pointer, not the weights.", hint)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > min(most_bytes, size - 8):
            raise _broken(name, f"its header claims {length:,} bytes, the file has {size:,}")
        return file.read(length), size - 8 - length


def entries(name: str, header: bytes, data_bytes: int) -> list[Tensor]:
    """The tensors of a header's text. Raises RefusedError when it does not hold for so many bytes of weights."""
    try:
        text = header.decode("utf-8")
        if _items(text) > MAX_ITEMS:
            raise ValueError("its header has far too many entries")
        listed = json.loads(text, parse_int=_whole_number)
        listed.pop("__metadata__", None)
        parsed = [_tensor(key, entry, data_bytes) for key, entry in listed.items()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _broken(name, str(error)[:200]) from error
    if sum(tensor.parameters * BITS[tensor.dtype] for tensor in parsed) != data_bytes * 8:
        raise _broken(name, "the file is cut off, or longer than its tensors")
    return parsed


def _tensor(name: str, entry: dict[str, Any], data_bytes: int) -> Tensor:
    """One entry, checked. Numbers are compared before they are multiplied."""
    shape, dtype, (begin, end) = entry["shape"], entry["dtype"], entry["data_offsets"]
    if not name.isprintable():
        raise ValueError(f"a tensor is called {name!r:.80}")
    if dtype not in BITS:
        raise ValueError(f"unknown type {dtype!r:.80}")
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise ValueError(f"tensor {name!r:.80} has an impossible shape")
    if not all(type(number) is int and 0 <= number <= MAX_NUMBER for number in (*shape, begin, end)):
        raise ValueError(f"tensor {name!r:.80} has an impossible shape")
    if end > data_bytes:
        raise ValueError("the file is cut off")
    if (end - begin) * 8 != math.prod(shape) * BITS[dtype]:
        raise ValueError(f"tensor {name!r:.80} has another size than its shape")
    return Tensor(name, dtype, tuple(shape))


def _broken(name: str, reason: str) -> RefusedError:
    message = f"`{printable(name)}` is not a complete safetensors file: {printable(reason)}."
    return RefusedError(message, "Copy or download the model again.")
