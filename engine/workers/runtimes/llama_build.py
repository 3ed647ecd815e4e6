"""llama.cpp's libraries built on this machine, out of its source archive, where none are prebuilt for it.

building/tools/    cmake and ninja, out of a lock
building/source/   what of the archive is compiled
building/made/     what comes of it; the libraries go to lib/, and building/ is removed
"""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from engine.process import events
from engine.runtimes import this_machine
from engine.runtimes.locks import Lock
from engine.workers.contract import WorkFailedError
from engine.workers.runtimes.pip import Pip
from engine.workers.runtimes.unpacking import unpack

BUILDING = "building"
SOURCE = ("CMakeLists.txt", "LICENSE", "cmake/", "ggml/", "include/", "licenses/", "src/", "vendor/")
IN_ARCHIVE = "/vendor/llama.cpp/"
NICE = ("nice", "-n", "10")  # whoever trains or chats goes first
OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DBUILD_SHARED_LIBS=ON",
    "-DCMAKE_PLATFORM_NO_VERSIONED_SONAME=ON",  # one file for each library, no links
    "-DCMAKE_BUILD_RPATH_USE_ORIGIN=ON",  # they are found beside each other, wherever the folder lies
    "-DGGML_OPENMP=OFF",  # ggml has threads of its own
    "-DGGML_CCACHE=OFF",
    *(f"-DLLAMA_BUILD_{part}=OFF" for part in ("COMMON", "TESTS", "TOOLS", "EXAMPLES", "SERVER", "APP")),
    *(f"-DLLAMA_{part}=OFF" for part in ("OPENSSL", "USE_PREBUILT_UI")),
)
_STEP = re.compile(r"^\[(\d+)/(\d+)\] ")  # ninja: [12/210] Building CXX object ...
_ERROR = re.compile(r"(?<![-\w])(?:fatal error|CMake Error|error)(?::| at | in ).{0,300}")  # not: g++ -Werror=format
HINT = "llama.cpp is built by a C++17 compiler (package g++ on Debian and Ubuntu)."
HINT_MEMORY = "Compiling a file takes up to 1 GB of memory. Stop what else uses memory, then install it again."


def make(archive: Path, tools_lock: Lock, folder: Path, pip: Pip) -> None:
    """Fetches the tools, compiles, and leaves the libraries in `folder`/lib. Raises WorkFailedError."""
    building = folder / BUILDING
    tools = building / "tools"
    pip.run([*pip.only_these(tools_lock, "tools"), "--target", str(tools)])
    unpack(archive, building / "source", _part_of_source)
    cmake, ninja = tools / "cmake" / "data" / "bin" / "cmake", tools / "bin" / "ninja"
    made = building / "made"
    pip.say("preparing to build llama.cpp")
    _run(pip, [str(cmake), "-S", str(building / "source"), "-B", str(made), "-G", "Ninja",
               f"-DCMAKE_MAKE_PROGRAM={ninja}", *OPTIONS])  # fmt: skip
    jobs = str(this_machine.jobs())
    _run(pip, [str(cmake), "--build", str(made), "--target", "llama", "--parallel", jobs])
    _keep(building, folder / "lib")
    shutil.rmtree(building)


def _part_of_source(name: str) -> str | None:
    _, mark, path = name.partition(IN_ARCHIVE)
    return path if mark and path.startswith(SOURCE) else None


def _run(pip: Pip, command: Sequence[str]) -> None:
    before = NICE if shutil.which(NICE[0]) else ()
    pip.program([*before, *command], is_progress=_Progress(pip.out), failure=_failure)


class _Progress:
    """Reads ninja's count of files. The lines stay in the log: they say what is compiled when it fails."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def __call__(self, line: str) -> bool:
        if step := _STEP.match(line):
            done, total = int(step[1]), int(step[2])
            stage = f"building llama.cpp: {done:,} of {total:,} files"
            events.append(self._out, events.Progress(done=done, total=total, stage=stage))
        return False


def _failure(_command: Sequence[str], errors: list[str], log: Path) -> WorkFailedError:
    """The first error is the cause; those after it follow from it."""
    words = next((match[0] for line in errors if (match := _ERROR.search(line))), "it ended without a message")
    is_memory = any("Killed" in line or "out of memory" in line.lower() for line in errors)
    hint = HINT_MEMORY if is_memory else HINT
    return WorkFailedError("config", f"llama.cpp could not be built: {words}", f"{hint} The log is {log}.")


def _keep(building: Path, lib: Path) -> None:
    """The libraries alone, and the licence."""
    lib.mkdir(mode=0o700)
    for path in sorted((building / "made" / "bin").glob("lib*.so")):
        shutil.copyfile(path, lib / path.name)
    shutil.copyfile(building / "source" / "LICENSE", lib / "LICENSE")
