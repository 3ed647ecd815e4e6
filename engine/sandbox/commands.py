"""The command that starts the code under each of the means. Pure but for a look at what is on this machine.

BUBBLEWRAP makes namespaces with a file system of their own, in which nothing else is. NAMESPACES makes them by the C
library, with everything read-only, and Landlock for what may be read. LANDLOCK does without namespaces.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.sandbox import folder, interpreter, watch
from engine.sandbox.errors import NoSandboxError
from engine.sandbox.interpreter import Interpreter
from engine.sandbox.limits import OPEN_FILES, Limits

Name = Literal["bubblewrap", "Landlock and namespaces", "Landlock and seccomp"]
BUBBLEWRAP: Name = "bubblewrap"
NAMESPACES: Name = "Landlock and namespaces"
LANDLOCK: Name = "Landlock and seccomp"
NAMES = (BUBBLEWRAP, NAMESPACES, LANDLOCK)
INSIDE_NAMES = {BUBBLEWRAP: "bubblewrap", NAMESPACES: "namespaces", LANDLOCK: "landlock"}  # as inside/start.py says

START = (
    "import json, sys; sys.path.insert(0, json.loads(sys.argv[1])['root']); "
    "from engine.sandbox.inside import start; start.main()"
)
ROOT = Path(__file__).resolve().parents[2]
BOX_INSIDE, ROOT_INSIDE = "/box", "/studio"


@dataclass(frozen=True)
class Start:
    """What decides the command: the means, the run's folder, its limits, who the code runs as."""

    means: Name
    folder: Path
    entry: str
    limits: Limits
    user: int | None
    status: int  # the descriptor it reports on

    @property
    def box(self) -> Path:
        return self.folder / folder.BOX

    @property
    def box_inside(self) -> str:
        return BOX_INSIDE if self.means == BUBBLEWRAP else str(self.box)


def python(means: Name, user: int | None) -> Interpreter:
    """The Python that code gets under these means. Raises NoSandboxError where there is none it could reach."""
    own = interpreter.studios()
    needed = (*own.folders, str(ROOT))
    is_reached = os.access(own.executable, os.X_OK) if user is None else interpreter.others_reach(needed)
    if is_reached or (means == BUBBLEWRAP and user is not None):
        return own
    system = interpreter.systems()
    if system is None:
        message = f"the studio runs as root, and no other user may enter {own.executable} or a folder above it"
        raise NoSandboxError(message, "Install Python where every user reaches it, or bubblewrap.")
    return system


def environment(start: Start) -> dict[str, str]:
    """Nothing of the studio's. One thread for numerical libraries, which otherwise take one a processor."""
    box = start.box_inside
    packages = os.pathsep.join(python(start.means, start.user).packages)
    temporary = "/tmp" if start.means == BUBBLEWRAP else f"{box}/.tmp"  # noqa: S108  (the sandbox's own)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return threads | {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": box,
        "TMPDIR": temporary,
        "USER": "sandbox",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": temporary,
        "PYTHONPATH": packages,  # for a Python that the code starts
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def argv(start: Start) -> list[str]:
    own = python(start.means, start.user)
    in_mounts = start.means == BUBBLEWRAP
    told = {
        "means": INSIDE_NAMES[start.means],
        "user": start.user,
        "folder": start.box_inside,
        "entry": start.entry,
        "readable": [*interpreter.SYSTEM_FOLDERS, *interpreter.SYSTEM_FILES, *own.folders],
        "packages": own.packages,
        "limits": _limits(start),
        "status": start.status,
        "run": start.folder.name,  # for who looks at the list of processes
        "root": ROOT_INSIDE if in_mounts else str(ROOT),
    }
    program = [own.executable, "-I", "-S", "-B", "-c", START, json.dumps(told)]
    return [*_bubblewrap(start, own), *program] if in_mounts else program


def _limits(start: Start) -> Mapping[str, int]:
    """Without a namespace, a user's other processes count too."""
    alone = start.means != LANDLOCK or start.user is not None
    return {
        "cpu_seconds": start.limits.cpu_seconds,
        "memory_bytes": start.limits.memory_bytes,
        "file_bytes": start.limits.file_bytes,
        "processes": start.limits.processes + 1,  # the guard
        "others": 0 if alone else watch.threads_of_user(os.geteuid()),
        "open_files": OPEN_FILES,
        "nice": start.limits.nice,
    }


def bubblewrap() -> str:
    """The path of `bwrap`; "" where it is not installed."""
    return shutil.which("bwrap") or ""


def _bubblewrap(start: Start, own: Interpreter) -> list[str]:
    """As root it needs no user namespace, and the code becomes another user; else the user is mapped to itself."""
    words = [bubblewrap(), "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if start.user is None:
        words += ["--unshare-user"]
    else:
        words += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    words += ["--dir", "/etc"]  # made by itself, it could be entered by root alone
    for path in (*interpreter.SYSTEM_FOLDERS, *interpreter.SYSTEM_FILES):
        words += ["--ro-bind-try", path, path]
    words += ["--bind", f"{start.box}/.tmp", "/tmp"]  # noqa: S108  (before what lies in /tmp and is shown)
    inside = f"{ROOT_INSIDE}/engine/sandbox/inside"
    shown = {path: path for path in own.folders if not path.startswith("/usr/")} | {str(interpreter.INSIDE): inside}
    for path, place in shown.items():
        for parent in reversed(Path(place).parents[:-1]):
            words += ["--dir", str(parent)]
        words += ["--ro-bind", path, place]
    words += ["--proc", "/proc", "--dev", "/dev"]
    words += ["--bind", f"{start.box}/.shm", "/dev/shm"]  # noqa: S108
    words += ["--bind", str(start.box), BOX_INSIDE, "--chdir", "/", "--remount-ro", "/dev", "--remount-ro", "/"]
    return [*words, "--as-pid-1", "--die-with-parent", "--"]
