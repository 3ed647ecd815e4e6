"""Pieces of a script: Python text from pieces/, never changed, and the values it is told as constants above it.

A piece begins with its imports. Nothing is put into its text: what differs from run to run stands in constants, which
are written by `repr`, so a name full of quotes stays a name.
"""

import pprint
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "pieces"
WIDTH = 110
NUMBERS_A_LINE = 12  # of lists that may have many thousands: pprint would take seconds


@dataclass(frozen=True)
class Parts:
    """What a family of methods gives to the frame.

    `rows` leaves `train_rows` and `eval_rows` (a Dataset, or None); `trainer` leaves `trainer`. Both may use MODEL,
    DATA, OUTPUT, SEED, MAX_LENGTH, DTYPE, ATTENTION, TRAINING, EVAL_ROWS, TEST_ROWS, EVALUATES, TOKENS, and
    `tokenizer`, which stands above them. `constants` are further values, by the names the pieces use.
    """

    imports: list[str]
    requirements: list[str]  # names of packages beyond the frame's own; their versions are the frame's affair
    rows: str
    trainer: str
    constants: Mapping[str, Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)  # sentences for the head of the script


@dataclass(frozen=True)
class Piece:
    """One file of pieces/."""

    imports: tuple[str, ...]
    body: str


@lru_cache(maxsize=64)
def piece(name: str) -> Piece:
    """The piece of that name."""
    lines = (FOLDER / f"{name}.py.txt").read_text(encoding="utf-8").splitlines()
    count = next((number for number, line in enumerate(lines) if line and not line.startswith(("import ", "from "))), 0)
    return Piece(tuple(line for line in lines[:count] if line), "\n".join(lines[count:]).strip())


def joined(*names: str) -> tuple[list[str], str]:
    """The imports and the text of several pieces, in this order."""
    pieces = [piece(name) for name in names]
    return [line for part in pieces for line in part.imports], "\n\n\n".join(part.body for part in pieces)


def constant(name: str, value: Any, comment: str = "") -> str:
    """`NAME = value` as Python, with a comment above it; the value may be anything that `repr` writes as Python."""
    lines = [f"# {line}" for line in comment.splitlines()]
    if isinstance(value, list) and value and all(type(item) is int for item in value):
        rows = [
            ", ".join(map(str, value[first : first + NUMBERS_A_LINE])) for first in range(0, len(value), NUMBERS_A_LINE)
        ]
        return "\n".join([*lines, f"{name} = [", *(f"    {row}," for row in rows), "]"])
    text = pprint.pformat(value, width=WIDTH, compact=True, sort_dicts=False)
    if "\n" in text and isinstance(value, dict | list | tuple):  # brackets on lines of their own
        inner = [f"    {line[1:]}" for line in text[:-1].split("\n")]
        text = "\n".join([text[0], *inner, text[-1]])
    return "\n".join([*lines, f"{name} = {text}"])


def imports(lines: list[str]) -> str:
    """Import lines once each, the standard library's first, names from one module on one line."""
    plain = {line for line in lines if line.startswith("import ")}
    names: dict[str, set[str]] = {}
    for line in lines:
        if line.startswith("from "):
            module, _, imported = line.removeprefix("from ").partition(" import ")
            names.setdefault(module, set()).update(name.strip() for name in imported.split(","))
    taken = [f"from {module} import {', '.join(sorted(members))}" for module, members in names.items()]
    own = [line for line in [*plain, *taken] if line.split()[1].partition(".")[0] in STANDARD]
    others = sorted({*plain, *taken} - set(own), key=_by_module)
    return "\n".join([*sorted(own, key=_by_module), "", *others])


STANDARD = (
    "collections",
    "functools",
    "hashlib",
    "inspect",
    "itertools",
    "json",
    "math",
    "os",
    "pathlib",
    "random",
    "re",
    "sys",
)


def _by_module(line: str) -> tuple[bool, str]:
    return line.startswith("from "), line.split()[1]
