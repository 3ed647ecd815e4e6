"""Parts of an installation: bytes counted, archives unpacked within their folder, the cause of a death found."""

import io
import sys
import tarfile
from pathlib import Path

import pytest

from engine.process import events
from engine.runtimes.kinds import KINDS
from engine.workers.contract import WorkFailedError
from engine.workers.runtimes import environment, llama, token_check
from engine.workers.runtimes.pip import Pip
from engine.workers.runtimes.unpacking import unpack

PIP_LINES = """
print("Collecting a==1 (from -r r.txt (line 1))")
print("  Downloading a-1-py3-none-any.whl (600 kB)")
print("Progress 300000 of 600000")
print("Progress 600000 of 600000")
print("  Using cached b-1-py3-none-any.whl (400 kB)")
print("Installing collected packages: a, b")
"""


def test_what_pip_fetches_is_told_in_bytes_and_not_in_the_log(tmp_path: Path) -> None:
    pip = Pip(tmp_path, tmp_path / "log", tmp_path / "cache", 1_000_000)
    (tmp_path / "fake_pip.py").write_text(PIP_LINES)
    pip.program([sys.executable, str(tmp_path / "fake_pip.py")])
    told, _ = events.read(tmp_path)
    progress = [(event.done, event.stage) for event in told if isinstance(event, events.Progress)]
    assert progress == [
        (300_000, "downloading 300 kB of 1 MB"),
        (600_000, "downloading 600 kB of 1 MB"),
        (1_000_000, "downloading 1 MB of 1 MB"),
        (0, "installing the packages"),
    ]
    log = (tmp_path / "log").read_text()
    assert "Installing collected packages" in log
    assert "Progress" not in log


def test_a_program_that_fails_is_quoted_with_its_own_error(tmp_path: Path) -> None:
    pip = Pip(tmp_path, tmp_path / "log", tmp_path / "cache", 1)
    code = "print('WARNING: x'); print('ERROR: Could not install: No space left on device'); raise SystemExit(1)"
    with pytest.raises(WorkFailedError, match="could not be installed: ERROR: Could not install: No space") as raised:
        pip.program([sys.executable, "-c", code])
    assert raised.value.category == "disk"


def archive(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def test_only_the_converter_is_taken_out_of_the_archive(tmp_path: Path) -> None:
    within = "llama_cpp_python-1/vendor/llama.cpp"
    names = ("convert_hf_to_gguf.py", "conversion/base.py", "gguf-py/gguf/x.py", "gguf-py/tests/x.py", "src/llama.cpp")
    made = archive(tmp_path / "a.tar.gz", {f"{within}/{name}": b"x" for name in names} | {"setup.py": b"x"})
    unpack(made, tmp_path / "out", llama._part_of_converter)
    taken = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert taken == {"convert_hf_to_gguf.py", "conversion/base.py", "gguf-py/gguf/x.py"}


def test_an_archive_that_writes_outside_its_folder_is_refused(tmp_path: Path) -> None:
    made = archive(tmp_path / "a.tar.gz", {"x/vendor/llama.cpp/conversion/../../../evil.py": b"x"})
    with pytest.raises(WorkFailedError, match="has an odd file"):
        unpack(made, tmp_path / "out", llama._part_of_converter)
    assert not list(tmp_path.glob("**/evil.py"))


def test_vllm_for_cpus_is_described_under_the_name_it_looks_for(tmp_path: Path) -> None:
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    build = next(build for build in KINDS["vllm"].builds if build.torch)
    environment.mend(build, tmp_path)
    (description,) = site.glob("vllm-*.dist-info")
    assert "Version: 0.32.0+cpu" in (description / "METADATA").read_text()


def test_the_cause_of_a_death_is_found_above_what_follows_from_it() -> None:
    log = """(EngineCore pid=7) ValueError: Available memory on node 0 (9.36/13.34 GiB) on startup is less than desired
Traceback (most recent call last):
  File "x.py", line 1, in <module>
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
nanobind: this is likely caused by a reference counting issue
"""
    assert token_check.cause(log).startswith("ValueError: Available memory on node 0")
    assert token_check.cause("") == "no message"
