"""Makes the lock files of the runtimes anew: `python -m tests.runtime_locks [NAME ...]`. Needs `uv` beside this Python.

Reads only descriptions of packages, no package, so the locks of machines with a GPU are made on one without. The
versions are those that fit together on Python 3.11; other Pythons get the same versions. torch's build for CPUs is on
no index that states its hash here, so it is left out of the locks, and engine.runtimes.kinds pins its version.
"""

import itertools
import re
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.runtimes import kinds, locks
from engine.runtimes.kinds import Build

LEFT_OUT = {"torch", "triton"}  # of the builds for CPUs
HEAD = "# The exact packages of {}, made by `python -m tests.runtime_locks`. Do not edit.\n"


@dataclass
class Package:
    """What the lock says of a package: its version, the files that may be taken, the size of the largest."""

    version: str
    hashes: set[str] = field(default_factory=set)
    size: int = 0


def main() -> int:
    """Writes the locks that are named, or all of them."""
    for build in builds():
        if not sys.argv[1:] or build.lock in sys.argv[1:]:
            path = locks.FOLDER / f"{build.lock}.txt"
            path.write_text(made(build))
            sys.stdout.write(f"{path}: {path.read_text().count('==')} packages\n")
    return 0


def builds() -> list[Build]:
    """Those that are offered, and what they may need for a moment: npm, and what builds libraries."""
    offered = [build for kind in kinds.KINDS.values() for build in kind.builds]
    besides: dict[str, tuple[Build, tuple[str, ...]]]
    besides = {build.npm_lock: (build, kinds.NPM_REQUIRES) for build in offered}
    besides |= {build.tools_lock: (build, kinds.TOOLS_REQUIRES) for build in offered}
    return offered + [
        build.model_copy(update={"lock": lock, "requires": requires})
        for lock, (build, requires) in besides.items()
        if lock
    ]


def made(build: Build) -> str:
    """The lock of a build: a line for each package, in the form that pip reads."""
    pinned = resolved(build)
    left_out = set(build.without) | (LEFT_OUT if build.torch else set())
    packages = {name: Package(version) for name, version in pinned.items() if name not in left_out}
    wanted = "".join(f"{name}=={package.version}\n" for name, package in packages.items())
    for python, processor in itertools.product(build.pythons, build.processors):
        for found in lock(wanted, python, f"--python-platform={platform(build, processor)}", "--no-deps"):
            take(packages[found["name"]], found)
    lines = [line(name, package) for name, package in sorted(packages.items())]
    text = HEAD.format(f"{build.lock} ({', '.join(build.requires)})") + "".join(lines)
    locks.parse(text)
    return text


def platform(build: Build, processor: str) -> str:
    """As uv calls it."""
    return f"{processor}-manylinux_{build.glibc[0]}_{build.glibc[1]}"


def resolved(build: Build) -> dict[str, str]:
    """Versions by name, as they fit together on the oldest Python."""
    torch = [f"torch=={build.torch}"] if build.torch else []
    found = lock(
        "\n".join([*build.requires, *torch]),
        build.pythons[0],
        f"--python-platform={platform(build, build.processors[0])}",
        *wheels(),
    )
    return {package["name"]: package["version"] for package in found}


def wheels() -> list[str]:
    """Where this machine's pip looks for wheels beside its index: torch's for CPUs may be there."""
    shown = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    folders = re.findall(r"^global\.find-links='(.+)'$", shown.stdout, re.MULTILINE)
    return [f"--find-links={folder}" for folder in folders]


def lock(requirements: str, python: tuple[int, int], *options: str) -> list[dict[str, Any]]:
    """What `uv` says of these requirements: name, version and wheels of each package."""
    with tempfile.TemporaryDirectory() as scratch:
        asked, answered = Path(scratch) / "asked.in", Path(scratch) / "pylock.toml"
        asked.write_text(requirements)
        flags = ["--quiet", "--no-config", "--generate-hashes", "--format=pylock.toml"]
        version = ".".join(map(str, python))
        command = ["uv", "pip", "compile", str(asked), *flags, f"--python-version={version}", *options, "-o"]
        subprocess.run([*command, str(answered)], check=True)
        return list(tomllib.loads(answered.read_text())["packages"])


def take(package: Package, found: dict[str, Any]) -> None:
    for wheel in found.get("wheels", ()):
        package.hashes.add(wheel["hashes"]["sha256"])
        package.size = max(package.size, int(wheel.get("size", 0)))


def line(name: str, package: Package) -> str:
    hashes = " ".join(f"--hash=sha256:{digest}" for digest in sorted(package.hashes))
    return f"{name}=={package.version} {hashes}  # {package.size} bytes\n"


if __name__ == "__main__":
    sys.exit(main())
