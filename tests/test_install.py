"""`make run` on a strange machine: which PyTorch it takes, what it says before, how it shows what is going on."""

import base64
import hashlib
import os
import shutil
import socket
import subprocess
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.install_by_path import load
from tests.project_map import ROOT

install = load()


class Index(BaseHTTPRequestHandler):
    """An index that has torch and nothing else."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/whl/torch/" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def index() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Index)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/whl"
    server.shutdown()
    server.server_close()


def test_without_a_gpu_pytorchs_cpu_wheels_are_taken_where_their_index_answers(index: str) -> None:
    options, words = install.torch_index("linux", False, index)
    assert options == ["--extra-index-url", index]
    assert words == f"No NVIDIA GPU: PyTorch for CPUs, from {index}."
    options, words = install.torch_index("linux", False, f"{index}/nothing")
    assert options == []
    assert "does not answer" in words


def test_an_index_that_says_nothing_is_waited_for_three_seconds_at_most() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        assert not install.answers(f"http://127.0.0.1:{silent.getsockname()[1]}", 0.3)
        assert time.monotonic() - begun < 60  # it would never end
    assert install.ANSWER_SECONDS == 3


@pytest.mark.parametrize(
    ("system", "gpu", "index"), [("linux", True, "x"), ("darwin", False, "x"), ("linux", False, "")]
)
def test_with_a_gpu_on_a_mac_and_if_asked_pip_finds_pytorch_as_ever(system: str, gpu: bool, index: str) -> None:
    assert install.torch_index(system, gpu, index)[0] == []


def test_a_gpu_is_one_that_its_driver_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not install.has_gpu()
    smi = tmp_path / "nvidia-smi"
    for script, expected in (("echo 'GPU 0: NVIDIA H200 (UUID: GPU-1)'", True), ("echo no driver; exit 9", False)):
        smi.write_text(f"#!/bin/sh\n{script}\n")
        smi.chmod(0o755)
        assert install.has_gpu() is expected


def _wheel(folder: Path, name: str) -> Path:
    """The smallest package that pip installs."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "VALUE = 7\n" + "# padding\n" * 20_000,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {path: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()) for path, text in files.items()}
    record = [f"{path},sha256={digest.rstrip(b'=').decode()}," for path, digest in digests.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,"]) + "\n"
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in files.items():
            archive.writestr(inside, text)
    return path


def test_pip_says_beforehand_what_it_takes_and_installs_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_WHEELS", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    first, second = _wheel(tmp_path, "apples"), _wheel(tmp_path, "pears")
    target = ["--target", str(tmp_path / "site"), "--no-index", "--find-links", str(tmp_path)]
    assert install.main([*target, "apples", "pears"]) == 0
    printed = capfd.readouterr().out
    size = install.in_words(first.stat().st_size + second.stat().st_size)
    assert f"To download: 2 packages, {size} (the largest: " in printed
    assert printed.index("To download") < printed.index("Unpacking")
    assert (tmp_path / "site" / "apples.py").is_file()
    assert install.main([*target, "plums"]) != 0
    assert "No matching distribution found for plums" in capfd.readouterr().err


def test_progress_is_a_bar_with_bytes_and_files(capsys: pytest.CaptureFixture[str]) -> None:
    progress = install.Progress(files=2, bytes=4_000_000)
    lines = [
        "Collecting torch", "  Downloading torch-2.whl.metadata (1 kB)", "Downloading torch-2.whl (3.0 MB)",
        "Progress 0 of 3000000", "Progress 1500000 of 3000000", "Progress 3000000 of 3000000",
        "Using cached numpy-2.whl (1.0 MB)", "Installing collected packages: numpy, torch",
    ]  # fmt: skip
    install.show(lines, progress)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == f"[{'.' * 24}]   0 %  0.0 MB  1/2  torch-2.whl"
    assert shown[1] == f"[{'#' * 8}{'.' * 16}]  37 %  1.5 MB  1/2  torch-2.whl"
    assert shown[-1] == "Unpacking"


def test_a_second_make_run_does_nothing_but_start(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    fakes = tmp_path / ".venv" / "bin"
    fakes.mkdir(parents=True)
    for name in ("python", "tunesmith"):
        (fakes / name).write_text(f'#!/bin/sh\necho {name} "$@"\n')
        (fakes / name).chmod(0o755)
    (tmp_path / ".venv" / ".python").touch()

    def made() -> list[str]:
        command = ["make", "--no-print-directory", "run"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.splitlines()

    first = made()
    assert first[0] == "python deploy/install.py --no-compile --constraint constraints.txt --editable .[starter]"
    assert first[1:] == ["python -m compileall -qq -j 0 .venv/lib", "tunesmith serve"]
    assert made() == ["tunesmith serve"]
