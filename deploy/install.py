"""What `make run` and `make test` install with: pip, told first where PyTorch for this machine is.

Needs nothing but Python. Says what will be downloaded before it is, and how far it is meanwhile. Arguments are pip's.

    python deploy/install.py --constraint constraints.txt --editable ".[starter]"
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

CPU_WHEELS = "https://download.pytorch.org/whl/cpu"  # TORCH_WHEELS names another index; empty: none
ANSWER_SECONDS = 3.0
SIZE_SECONDS = 5.0
WSL_SMI = "/usr/lib/wsl/lib/nvidia-smi"  # where Windows lends it to WSL2, not always on the path
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
BAR_CELLS = 24
STEP_PERCENT = 10  # between two lines where nobody watches a terminal

_FILE = re.compile(r"\s*(?:Downloading|Using cached) (?P<file>\S+)")
_AT = re.compile(r"Progress (?P<done>\d+) of (?P<total>\d+)")


def has_gpu() -> bool:
    """Whether NVIDIA's driver names a GPU."""
    program = shutil.which("nvidia-smi") or shutil.which(WSL_SMI)
    if program is None:
        return False
    try:
        done = subprocess.run([program, "-L"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and b"GPU" in done.stdout


def answers(index: str, seconds: float = ANSWER_SECONDS) -> bool:
    """Whether an index of packages answers in that time, names looked up and all."""
    answered = threading.Event()

    def ask() -> None:
        try:
            with urllib.request.urlopen(f"{index.rstrip('/')}/torch/", timeout=seconds):  # noqa: S310
                answered.set()
        except (OSError, ValueError, urllib.error.URLError):
            return

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    return answered.is_set()


def torch_index(system: str, gpu: bool, index: str) -> tuple[list[str], str]:
    """Options for pip, and a sentence for the reader. On Linux PyPI has PyTorch with CUDA, elsewhere without."""
    if system != "linux":
        return [], ""
    if gpu:
        return [], "An NVIDIA GPU is here: PyTorch with CUDA."
    if not index:
        return [], "No NVIDIA GPU: PyTorch from the usual index."
    if not answers(index):
        return [], f"No NVIDIA GPU, but {index} does not answer: PyTorch as pip finds it, which may be far larger."
    return ["--extra-index-url", index], f"No NVIDIA GPU: PyTorch for CPUs, from {index}."


@dataclass(frozen=True)
class Needed:
    """What pip would download."""

    names: tuple[str, ...] = ()
    sizes: tuple[int | None, ...] = ()  # bytes; None: nobody says it

    @property
    def bytes(self) -> int:
        return sum(size or 0 for size in self.sizes)

    def in_words(self) -> str:
        if not self.names:
            return "Everything that it needs is there already."
        unknown = self.sizes.count(None)
        size = f"{in_words(self.bytes)} for {len(self.names) - unknown} of them" if unknown else in_words(self.bytes)
        largest = sorted(zip(self.names, self.sizes, strict=True), key=lambda pair: -(pair[1] or 0))[:4]
        told = ", ".join(f"{name} {in_words(size)}" for name, size in largest if size)
        return f"To download: {len(self.names)} packages, {size}{f' (the largest: {told})' if told else ''}."


def in_words(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def needed(arguments: Sequence[str]) -> Needed | None:
    """What pip would download, as it says itself without doing it; None when it cannot say."""
    command = [*PIP, "install", "--dry-run", "--quiet", "--report", "-", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["install"]
    except (ValueError, LookupError):
        return None
    downloads = [package for package in packages if "archive_info" in package["download_info"]]
    with ThreadPoolExecutor(16) as pool:
        sizes = tuple(pool.map(_size, [package["download_info"]["url"] for package in downloads]))
    return Needed(tuple(package["metadata"]["name"] for package in downloads), sizes)


def _size(url: str) -> int | None:
    """Bytes of a file, as its server says without sending it."""
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=SIZE_SECONDS) as answer:  # noqa: S310
            return int(answer.headers["content-length"])
    except (OSError, ValueError, TypeError, urllib.error.URLError):
        return None


@dataclass
class Progress:
    """How far pip is, from the lines it prints: files begun, and bytes of the one that is on its way."""

    files: int
    bytes: int  # of all of them, as far as it is known
    begun: int = 0
    before: int = 0  # bytes of the files before this one
    done: int = 0  # bytes of this file
    file: str = ""
    shown: int = -STEP_PERCENT  # per cent, on the last line

    def read(self, line: str) -> bool:
        """Takes a line in; says whether there is something to show."""
        if at := _AT.search(line):
            self.done = int(at["done"])
            return True
        if named := _FILE.match(line):
            if named["file"].endswith(".metadata"):
                return False
            self.before, self.done = self.before + self.done, 0
            self.begun, self.file = self.begun + 1, named["file"].rpartition("/")[2]
            return True
        return line.startswith("Installing collected packages")

    @property
    def percent(self) -> int:
        done, whole = (self.before + self.done, self.bytes) if self.bytes else (self.begun, self.files)
        return min(100, 100 * done // whole) if whole else 0

    def line(self) -> str:
        filled = BAR_CELLS * self.percent // 100
        bar = f"[{'#' * filled}{'.' * (BAR_CELLS - filled)}] {self.percent:3} %"
        return f"{bar}  {in_words(self.before + self.done)}  {self.begun}/{self.files or '?'}  {self.file[:48]}"


def install(arguments: Sequence[str], expected: Needed) -> int:
    """Runs pip and shows how far it is. Returns its exit code; what it prints about an error is shown as it is."""
    progress = Progress(len(expected.names), expected.bytes)
    command = [*PIP, "install", "--progress-bar", "raw", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1) as pip:
        last = show(pip.stdout or (), progress)
    if pip.returncode:
        print(*last, sep="\n", file=sys.stderr)
    return pip.returncode


def show(lines: Iterable[str], progress: Progress) -> list[str]:
    """Shows each step, on one line of a terminal or a line every ten per cent. Returns the last lines of pip."""
    on_terminal, last = sys.stdout.isatty(), list[str]()
    for line in lines:
        last = [*last[-20:], line.rstrip()]
        if not progress.read(line):
            continue
        if line.startswith("Installing"):
            print(f"{chr(10) if on_terminal else ''}Unpacking", flush=True)
        elif on_terminal:
            print(f"\r\x1b[2K{progress.line()}", end="", flush=True)
        elif progress.percent >= progress.shown + STEP_PERCENT:
            progress.shown = progress.percent
            print(progress.line(), flush=True)
    return last


def main(arguments: Sequence[str]) -> int:
    """Installs what the arguments name, for this machine."""
    where, words = torch_index(sys.platform, has_gpu(), os.environ.get("TORCH_WHEELS", CPU_WHEELS))
    print(f"Installing Tunesmith into {Path(sys.prefix).name} (once). {words}".rstrip(), flush=True)
    print("Looking up what that takes", flush=True)
    expected = needed([*where, *arguments])
    print(expected.in_words() if expected else "pip cannot say beforehand how much that is.", flush=True)
    return install([*where, *arguments], expected or Needed())


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
