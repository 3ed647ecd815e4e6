"""llama.cpp built here: tools out of a lock, the source out of the archive, progress, and failures in words.

cmake and ninja are small programs in wheels of the same names; pip, the archive and the unpacking are real.
"""

import hashlib
import stat
import zipfile
from pathlib import Path

import pytest

from engine.process import events
from engine.runtimes import locks
from engine.runtimes.locks import Lock
from engine.workers.contract import WorkFailedError
from engine.workers.runtimes import library, llama_build
from engine.workers.runtimes.pip import Pip
from tests.workers.runtimes.test_install import archive

WITHIN = "llama_cpp_python-1/vendor/llama.cpp"
CMAKE = """#!/bin/sh
echo "cmake $*"
case "$1" in
  -S) test -f "$2/src/llama.cpp" && test -f "$2/LICENSE" && ! test -e "$2/models" || exit 3
      mkdir -p "$4/bin" ;;
  *)  if [ -n "$FAKE_ERROR" ]; then
        echo "[1/3] Building CXX object a.o"
        echo "FAILED: a.o"
        echo "g++ -Werror=format -c a.cpp"
        echo "$FAKE_ERROR"
        echo "b.cpp:2:1: error: this follows from it"
        exit 1
      fi
      for step in 1 2 3; do echo "[$step/3] Building CXX object $step.o"; done
      for name in ggml ggml-base ggml-cpu llama; do echo "$name" > "$2/bin/lib$name.so"; done
      echo static > "$2/bin/libother.a" ;;
esac
"""


def wheel(folder: Path, name: str, files: dict[str, str]) -> str:
    """A wheel of programs; the line of a lock that pins it."""
    info = f"{name}-1.0.dist-info"
    files = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as made:
        for place, text in (files | {f"{info}/RECORD": record}).items():
            entry = zipfile.ZipInfo(place)
            entry.external_attr = (stat.S_IFREG | 0o755) << 16
            made.writestr(entry, text)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{name}==1.0 --hash=sha256:{digest}  # {path.stat().st_size} bytes\n"


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lock:
    """What pip may fetch: a cmake and a ninja, from a folder."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    lines = wheel(folder, "cmake", {"cmake/__init__.py": "", "cmake/data/bin/cmake": CMAKE})
    return locks.parse(lines + wheel(folder, "ninja", {"ninja-1.0.data/scripts/ninja": "#!/bin/sh\n"}))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    names = ("CMakeLists.txt", "LICENSE", "src/llama.cpp", "ggml/CMakeLists.txt", "models/large.gguf", "tools/x.cpp")
    return archive(tmp_path / "llama.tar.gz", {f"{WITHIN}/{name}": b"x" for name in names})


@pytest.fixture
def pip(tmp_path: Path) -> Pip:
    out = tmp_path / "out"
    out.mkdir()
    return Pip(out, tmp_path / "log", tmp_path / "cache", 1000)


def test_the_libraries_are_built_told_of_and_alone_are_left(
    tools: Lock, source: Path, pip: Pip, tmp_path: Path
) -> None:
    folder = tmp_path / "llama-1"
    llama_build.make(source, tools, folder, pip)
    names = ("LICENSE", "libggml-base.so", "libggml-cpu.so", "libggml.so", "libllama.so")
    assert sorted(path.name for path in (folder / "lib").iterdir()) == sorted(names)
    assert [path.name for path in folder.iterdir()] == ["lib"], "tools, source and objects are gone"
    told, _ = events.read(pip.out)
    steps = [(event.done, event.total, event.stage) for event in told if isinstance(event, events.Progress)]
    assert steps[-3:] == [(n, 3, f"building llama.cpp: {n} of 3 files") for n in (1, 2, 3)]
    commands = [line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("cmake ")]
    assert f"-DCMAKE_MAKE_PROGRAM={folder}/building/tools/bin/ninja" in commands[0]
    assert "--target llama --parallel" in commands[1]


def test_a_build_that_fails_is_quoted_with_its_first_error_and_leaves_no_library(
    tools: Lock, source: Path, pip: Pip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_ERROR", "a.cpp:1:10: fatal error: x.h: No such file or directory")
    with pytest.raises(WorkFailedError) as raised:
        llama_build.make(source, tools, tmp_path / "llama-1", pip)
    assert raised.value.message == "llama.cpp could not be built: fatal error: x.h: No such file or directory"
    assert str(tmp_path / "log") in raised.value.hint
    assert not (tmp_path / "llama-1" / "lib").exists()


@pytest.mark.parametrize(
    ("lines", "message", "hint"),
    [
        (
            ["c++: fatal error: Killed signal terminated program cc1plus"],
            "fatal error: Killed signal",
            "1 GB of memory",
        ),
        (["CMake Error at CMakeLists.txt:1 (project):"], "CMake Error at CMakeLists.txt:1", "package g++"),
        (
            ["g++ -Werror=format -c a.cpp", "a.cpp:1:1: error: no such type"],
            "built: error: no such type",
            "package g++",
        ),
        ([], "it ended without a message", "package g++"),
    ],
)
def test_why_it_could_not_be_built_is_said_with_what_helps(lines: list[str], message: str, hint: str) -> None:
    error = llama_build._failure([], lines, Path("log"))
    assert message in error.message
    assert hint in error.hint


def test_a_library_that_was_built_here_is_found_by_its_plain_name(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="has no libllama"):
        library._named(tmp_path, "libllama")
    for name in ("libllama.so", "libllama.v0.5.0.so"):  # one that carries its version comes first
        (tmp_path / name).touch()
        assert library._named(tmp_path, "libllama").name == name
