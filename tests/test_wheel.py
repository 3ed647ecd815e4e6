"""The wheel, as pipx, uv and pip install it: built from the tree, in an environment without the tree."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import httpx
import pytest

from tests import tracing
from tests.project_map import ROOT
from tests.waiting import wait_for

pytestmark = pytest.mark.usefixtures("untraced")
SOURCES = ("app", "pages", "engine", "storage", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel alone; what it needs is lent by the tests' own, to save gigabytes."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    tree.mkdir()
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tree / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(tree)]
    env = tracing.without(os.environ)
    subprocess.run(build, check=True, env=env)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True, env=env)
    python = str(folder / "env" / "bin" / "python")
    (wheel,) = folder.glob("tunesmith-*.whl")
    subprocess.run([*pip, "--python", python, "install", "--quiet", "--no-deps", str(wheel)], check=True, env=env)
    shutil.rmtree(tree)
    (site,) = (folder / "env" / "lib").glob("python*/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "env" / "bin"


def outside(home: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([*command], cwd=home, env=env, capture_output=True, text=True, check=False)


def test_the_wheel_has_all_that_the_studio_reads(environment: Path, tmp_path: Path) -> None:
    where = outside(tmp_path, environment / "python", "-c", "import app, engine; print(app.__file__, engine.__file__)")
    assert where.stdout.count(str(environment.parent)) == 2, "it is the wheel that is tried, not the tree"
    assert outside(tmp_path, environment / "tunesmith", "--version").stdout.startswith("tunesmith ")
    presets = outside(tmp_path, environment / "tunesmith", "presets")
    assert presets.returncode == 0, presets.stderr
    doctor = outside(tmp_path, environment / "tunesmith", "doctor")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "torch works" in doctor.stdout


def test_the_first_page_of_the_wheels_studio_opens(environment: Path, tmp_path: Path) -> None:
    output = tmp_path / "output"
    command = [str(environment / "tunesmith"), "serve", "--port", "0", "--no-browser"]
    with output.open("w") as file, subprocess.Popen(command, cwd=tmp_path, stdout=file, stderr=file) as studio:

        def address() -> str:
            words = output.read_text().partition("Tunesmith is at ")[2].split()
            return words[0] if words else ""

        try:
            url = wait_for(address, seconds=60)
            with httpx.Client(follow_redirects=True, timeout=60) as browser:
                page = browser.get(url, headers={"accept": "text/html"})
                assert page.status_code == 200, output.read_text()
                assert "/static-tunesmith/" in page.text
                sheet = page.text.partition("/static-tunesmith/")[2].split('"')[0]
                assert browser.get(str(page.url.join(f"/static-tunesmith/{sheet}"))).status_code == 200
        finally:
            studio.send_signal(signal.SIGINT)
            assert studio.wait(60) == 0
