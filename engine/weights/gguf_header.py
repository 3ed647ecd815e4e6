"""The header of a GGUF file that somebody else made, read with bounds. No weights are read, nothing is executed.

A header may claim 2**60 strings, tensors beyond the end of the file, or many tensors on the same bytes, which unpack to
more than any disk holds. So every number is small before anything is done with it, no more than a cap is read, and the
tensors together are no larger than the file. Source of the format: ggml's docs/gguf.md.
"""

import math
import os
import stat
import struct
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import NoReturn

from engine.errors import RefusedError
from engine.weights.files import printable

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_HEADER_BYTES = 64 << 20  # the largest vocabularies, of 260,000 tokens with their merges, take 12 MB
MAX_ITEMS = 3_000_000  # of all arrays together
MAX_KEYS = 2_000
MAX_TENSORS = 20_000
MAX_TEXT_BYTES = 4 << 20  # of one value: chat templates have some thousand bytes
MAX_NAME_BYTES = 200
MAX_LENGTH = 1 << 31  # of one dimension
ALIGNMENT = 32
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
TEXT, ARRAY = 8, 9
# Number -> name, elements of a block, bytes of a block (ggml.h). What is not here, no model is stored in.
TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 30: ("BF16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50), 20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136), 29: ("IQ1_M", 256, 56),
    34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
}  # fmt: skip
AGAIN = "Copy or download the file again."

Value = int | float | bool | str


@dataclass(frozen=True)
class GgufTensor:
    """One entry. The shape is in the order of torch: rows first."""

    name: str
    type: str
    shape: tuple[int, ...]
    offset: int
    size_bytes: int

    @property
    def parameters(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Header:
    """What a file says of itself. Of arrays their length is kept."""

    name: str  # of the file
    values: dict[str, Value]
    lengths: dict[str, int]
    tensors: dict[str, GgufTensor]
    data_start: int

    @property
    def parameters(self) -> int:
        return sum(tensor.parameters for tensor in self.tensors.values())

    @property
    def type(self) -> str:
        """How most weights are stored: F32, BF16, Q4_K ..."""
        weights: dict[str, int] = {}
        for tensor in self.tensors.values():
            weights[tensor.type] = weights.get(tensor.type, 0) + tensor.parameters
        return max(weights, key=lambda name: weights[name], default="")


def read(path: Path) -> Header:
    """The header of the plain file at `path`. Raises RefusedError when it does not hold."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise RefusedError(f"`{printable(path.name)}` cannot be read: {error.strerror}.", "Check the path.") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise RefusedError(f"`{printable(path.name)}` is not a plain file.", "Choose the .gguf file itself.")
    with os.fdopen(descriptor, "rb") as file:
        return _Reader(file, printable(path.name), status.st_size).header()


@dataclass
class _Reader:
    """Reads on from the beginning, and stops at the first thing that cannot be."""

    file: BufferedReader
    name: str
    size: int
    at: int = 0
    items: int = 0
    values: dict[str, Value] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)

    def header(self) -> Header:
        if self.size < len(MAGIC) or self.take(4) != MAGIC:
            self.refuse_other()
        version = self.number("I")
        if version not in VERSIONS:
            older = "of big-endian machines" if version & 0xFFFF == 0 else f"version {version}"
            raise RefusedError(
                f"`{self.name}` is a GGUF file {older}, which is not read here.",
                "Convert it again with today's llama.cpp.",
            )
        tensor_count, key_count = self.number("Q"), self.number("Q")
        if tensor_count > MAX_TENSORS or key_count > MAX_KEYS:
            self.broken(f"it claims {tensor_count:,} tensors and {key_count:,} settings")
        for _ in range(key_count):
            self.setting()
        entries = [self.entry() for _ in range(tensor_count)]
        alignment = self.values.get("general.alignment", ALIGNMENT)
        if not isinstance(alignment, int) or not 0 < alignment <= 1 << 16 or alignment & (alignment - 1):
            self.broken(f"its alignment is {alignment!r:.40}")
        data_start = -(-self.at // alignment) * alignment
        self.check_places(entries, data_start, alignment)
        return Header(self.name, self.values, self.lengths, {entry.name: entry for entry in entries}, data_start)

    def take(self, count: int) -> bytes:
        if count > MAX_HEADER_BYTES - self.at:
            self.broken(f"its header is larger than {MAX_HEADER_BYTES >> 20} MiB")
        read = self.file.read(count) if count <= self.size - self.at else b""
        if len(read) < count:
            self.broken("it is cut off in its header")
        self.at += count
        return read

    def number(self, form: str) -> int:
        return int(struct.unpack(f"<{form}", self.take(struct.calcsize(form)))[0])

    def text(self, most: int) -> str:
        length = self.number("Q")
        if length > most:
            self.broken(f"one of its texts claims {length:,} bytes")
        return self.take(length).decode("utf-8", "replace")

    def called(self, what: str) -> str:
        name = self.text(MAX_NAME_BYTES)
        if not name.isprintable() or not name:
            self.broken(f"a {what} is called {name!r:.60}")
        return name

    def setting(self) -> None:
        key = self.called("setting")
        if key in self.values or key in self.lengths:
            self.broken(f"it has the setting {key:.60} twice")
        kind = self.number("I")
        if kind == ARRAY:
            self.lengths[key] = self.array(key)
        elif kind == TEXT:
            self.values[key] = self.text(MAX_TEXT_BYTES)
        elif kind in SCALARS:
            form = SCALARS[kind]
            self.values[key] = struct.unpack(f"<{form}", self.take(struct.calcsize(form)))[0]
        else:
            self.broken(f"the setting {key:.60} has the unknown type {kind}")

    def array(self, key: str) -> int:
        """Passes over an array, and says how long it is."""
        kind, count = self.number("I"), self.number("Q")
        self.items += count
        if self.items > MAX_ITEMS:
            self.broken(f"{key:.60} claims {count:,} items")
        if kind == TEXT:
            for _ in range(count):
                length = self.number("Q")
                self.take(length)
        elif kind in SCALARS:
            self.take(count * struct.calcsize(SCALARS[kind]))
        else:
            self.broken(f"{key:.60} is an array of the unknown type {kind}")
        return count

    def entry(self) -> GgufTensor:
        name, count = self.called("tensor"), self.number("I")
        if not 1 <= count <= 4:
            self.broken(f"the tensor {name:.60} has {count:,} dimensions")
        lengths = [self.number("Q") for _ in range(count)]
        kind, offset = self.number("I"), self.number("Q")
        if not all(0 < length <= MAX_LENGTH for length in lengths):
            self.broken(f"the tensor {name:.60} has an impossible shape")
        if kind not in TYPES:
            self.broken(f"the tensor {name:.60} has the unknown type {kind}")
        word, elements, size = TYPES[kind]
        if lengths[0] % elements:
            self.broken(f"the rows of {name:.60} have {lengths[0]:,} values, and {word} packs {elements} at a time")
        return GgufTensor(name, word, tuple(reversed(lengths)), offset, math.prod(lengths) // elements * size)

    def check_places(self, entries: list[GgufTensor], data_start: int, alignment: int) -> None:
        """Every tensor lies inside the file, and no byte is claimed twice."""
        end = data_start
        for entry in sorted(entries, key=lambda entry: entry.offset):
            begins = data_start + entry.offset
            if begins + entry.size_bytes > self.size:
                self.broken(
                    f"it is cut off: {entry.name:.60} ends at byte {begins + entry.size_bytes:,} of {self.size:,}"
                )
            if begins < end or entry.offset % alignment:
                self.broken(f"the tensor {entry.name:.60} lies on top of another")
            end = begins + entry.size_bytes
        if len({entry.name for entry in entries}) < len(entries):
            self.broken("it has a tensor twice")

    def broken(self, reason: str) -> NoReturn:
        raise RefusedError(f"`{self.name}` is not a complete GGUF file: {reason}.", AGAIN)

    def refuse_other(self) -> NoReturn:
        self.file.seek(0)
        if self.file.read(8) == b"version ":
            hint = "Run `git lfs pull` in its folder, or download the file again."
            raise RefusedError(f"`{self.name}` is a Git LFS pointer, not the weights.", hint)
        raise RefusedError(f"`{self.name}` is not a GGUF file: it does not begin with GGUF.", AGAIN)
