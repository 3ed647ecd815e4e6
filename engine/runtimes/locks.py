"""The lock files: exact versions, sha256 of every file that may be taken, and sizes. In the form that pip reads."""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent / "locks"
_LINE = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+)((?: --hash=sha256:[0-9a-f]{64})+)  # (\d+) bytes$")


@dataclass(frozen=True)
class Lock:
    """A lock file as it is handed to pip, with the bytes of each package by its name."""

    text: str
    sizes: dict[str, int]

    @cached_property
    def download_bytes(self) -> int:
        return sum(self.sizes.values())

    @cached_property
    def sha256(self) -> str:
        """What tells one lock from another."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def read(name: str) -> Lock:
    """The lock of that name."""
    path = FOLDER / f"{name}.txt"
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=16)  # the page asks every few seconds
def _read(path: Path, _changed_at: int) -> "Lock":
    return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> Lock:
    """Raises ValueError for a line that pins nothing, so that no package can come in without version and hash."""
    sizes = {}
    for line in text.splitlines():
        if line.startswith("#") or not line:
            continue
        if (match := _LINE.match(line)) is None:
            raise ValueError(f"not a line of a lock: {line[:120]}")
        sizes[match[1]] = int(match[4])
    return Lock(text, sizes)
