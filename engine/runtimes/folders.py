"""Where runtimes are, under one folder of the home, and what makes one whole. No database: its worker uses it too.

vllm -> vllm-0-32-0-4f2a91     what is in use: a link, exchanged in one step
vllm-0-32-0-4f2a91/            runtime.json in it is written last: without it nothing here is whole
vllm-0-31-1-09be77/            the version before, for the way back
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.errors import RefusedError

MANIFEST, CACHE, LOGS = "runtime.json", "cache", "logs"


class Manifest(BaseModel):
    """What an installation says of itself once it was verified. Sizes in bytes."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: str
    version: str
    words: str
    lock_sha256: str = ""  # of the lock it was made from; "" for one that this machine had already
    before: str | None = None  # the folder of the version before
    own: str | None = None  # the Python of this machine that it stands for
    installed_at: float = 0
    seconds: float = 0
    size_bytes: int = 0
    python: str = ""
    torch_sha256: str | None = None  # of torch's wheel for CPUs, which no lock pins
    checks: list[str] = []
    notes: list[str] = []


def name(kind: str, version: str, work_id: str) -> str:
    """The folder of an installation."""
    return f"{kind}-{version.replace('.', '-')}-{work_id[:6]}"


def read(folder: Path) -> Manifest | None:
    """The manifest of a whole installation; None for one that is not."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return None


def write(folder: Path, manifest: Manifest) -> None:
    """Makes an installation whole, in one step."""
    part = folder / f".{MANIFEST}.{token_hex(4)}"
    part.write_text(json.dumps(manifest.model_dump(), indent=2) + "\n", encoding="utf-8")
    part.replace(folder / MANIFEST)


def current(root: Path, kind: str) -> Path | None:
    """The installation in use, by its own folder; None when there is none."""
    try:
        folder = root / (root / kind).readlink()
    except OSError:
        return None
    return folder if read(folder) else None


def previous(root: Path, kind: str) -> Path | None:
    """The version before the one in use, if it is still whole."""
    in_use = current(root, kind)
    manifest = read(in_use) if in_use else None
    if manifest is None or manifest.before is None or manifest.before == getattr(in_use, "name", None):
        return None
    folder = root / Path(manifest.before).name
    return folder if read(folder) else None


def refuse_a_folder(root: Path, kind: str) -> None:
    """Raises RefusedError where somebody has made an environment by hand in the place of the link."""
    link = root / kind
    if link.exists() and not link.is_symlink():
        hint = f"Move it away first. To use it as it is, set TUNESMITH_VLLM_PYTHON to its Python ({link}/bin/python)."
        raise RefusedError(f"{link} is a folder that this studio did not make.", hint)


def use(root: Path, kind: str, folder: Path) -> None:
    """Makes an installation the one in use, in one step. Raises RefusedError."""
    refuse_a_folder(root, kind)
    part = root / f".{kind}.{token_hex(4)}"
    part.symlink_to(folder.name)
    os.replace(part, root / kind)


@contextlib.contextmanager
def filling(root: Path, kind: str) -> Iterator[None]:
    """Held while an installation of a kind is made, by whichever work needs it: a second one waits.

    The lock is the process's: after a kill nobody holds it.
    """
    lock = _open_lock(root, kind)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def is_filling(root: Path, kind: str) -> bool:
    """Whether somebody is making an installation of a kind."""
    if not root.is_dir():
        return False
    lock = _open_lock(root, kind)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _open_lock(root: Path, kind: str) -> int:
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.open(root / f"lock-{kind}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def installations(root: Path, kind: str) -> list[Path]:
    """Every folder of a kind, whole or not."""
    return [path for path in root.glob(f"{kind}-*") if path.is_dir() and not path.is_symlink()]


def size_of(folder: Path) -> int:
    """Bytes that its files take on the disk."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
