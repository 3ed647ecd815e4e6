"""A runtime of one tiny wheel, installed from a folder through the same code, lock and pip as the real ones."""

import base64
import hashlib
import zipfile
from pathlib import Path

import pytest

from engine.process import work
from engine.runtimes import kinds, locks, runtimes
from engine.runtimes.kinds import Build, Kind
from storage.statuses import WORK_MOVING
from storage.tables import Work
from tests.waiting import wait_for

NAME = "tinyrun"
WORKS = "__version__ = {version!r}\n"
BREAKS = "raise RuntimeError('made for another processor')\n"
HANGS = "import threading\nthreading.Event().wait()\n"


def wheel(folder: Path, version: str, code: str = WORKS) -> Path:
    """A wheel with one module."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{NAME}-{version}.dist-info"
    files = {
        f"{NAME}.py": code.format(version=version),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},sha256={_digest(text)},{len(text)}\n" for name, text in files.items())
    path = folder / f"{NAME}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in (files | {f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}).items():
            archive.writestr(name, text)
    return path


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


class Shelf:
    """What can be installed as the kind `quantize`: a wheel in a folder, which is all that pip may look at."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder, self._patch = folder, patch
        for lock in locks.FOLDER.glob("*.txt"):
            (folder / lock.name).symlink_to(lock)
        patch.setattr(locks, "FOLDER", folder)
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(folder))

    def offer(self, version: str, code: str = WORKS, sha256: str = "", **changes: object) -> None:
        """From now on this version is what an installation brings."""
        path = wheel(self._folder, version, code)
        digest = sha256 or hashlib.sha256(path.read_bytes()).hexdigest()
        size = path.stat().st_size
        (self._folder / "tiny.txt").write_text(f"{NAME}=={version} --hash=sha256:{digest}  # {size} bytes\n")
        build = Build(
            lock="tiny", version=version, words="a tiny runtime", requires=(NAME,), disk_bytes=1, modules=(NAME,)
        ).model_copy(update=changes)
        kind = Kind(name="quantize", title="tiny", purpose="Tests.", instead="Do without.", builds=(build,))
        self._patch.setitem(kinds.KINDS, "quantize", kind)


def ended(started: Work | None) -> Work:
    """The installation, when it is over. The test plays the reconciler."""
    assert started is not None
    wait_for(lambda: work.wait(started.id, 0.2).status not in WORK_MOVING, seconds=60)
    return work.look_up(started.id)


def installed(version: str) -> None:
    """Installs what is offered."""
    row = ended(runtimes.install("quantize"))
    assert row.error is None
    facts = runtimes.describe("quantize")["installed"]
    assert facts["version"] == version
