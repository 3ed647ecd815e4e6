"""The Python that code in a sandbox gets: the studio's own with its packages, or the system's where that one is hidden.

A studio of root's has to run code as another user. Where root's Python lies in a folder that nobody else may enter
(/root/.pyenv), only a sandbox with mounts of its own can show it; the others take /usr/bin/python3, without packages.
"""

import os
import site
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

INSIDE = Path(__file__).resolve().parent / "inside"
SYSTEM_PYTHON = "/usr/bin/python3"
SYSTEM_FOLDERS = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/etc/alternatives", "/etc/fonts")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/localtime")


@dataclass(frozen=True)
class Interpreter:
    """A Python, and what of it must be readable beside the system's folders."""

    executable: str
    folders: tuple[str, ...]
    packages: tuple[str, ...]

    @property
    def words(self) -> str:
        release = ".".join(map(str, sys.version_info[:3]))
        return f"the studio's own Python {release}, with its packages" if self.packages else self.executable


def studios() -> Interpreter:
    executable = os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)
    packages = tuple(path for path in _packages() if os.path.isdir(path))
    library = os.path.realpath(os.path.join(sys.base_prefix, "lib"))
    folders = {executable, library, os.path.realpath(sysconfig.get_path("stdlib")), *packages}
    return Interpreter(executable, tuple(sorted(folders)), packages)


def systems() -> Interpreter | None:
    """The system's own, where it is there and new enough to run what is inside a sandbox."""
    executable = os.path.realpath(SYSTEM_PYTHON)
    is_known = executable.rpartition("python3.")[2].isdigit()
    fits = is_known and int(executable.rpartition(".")[2]) >= 11
    return Interpreter(executable, (), ()) if fits and os.access(executable, os.X_OK) else None


def _packages() -> list[str]:
    """Of this environment. Packages of the user alone (~/.local) are in no sandbox."""
    return list(dict.fromkeys(os.path.realpath(path) for path in site.getsitepackages()))


def others_reach(paths: tuple[str, ...]) -> bool:
    """Whether a user without any right of his own can enter all of these, by the rights of each folder above them."""
    return all(_others_reach(Path(path)) for path in paths)


def _others_reach(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents) if folder.is_dir())
