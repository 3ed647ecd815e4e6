"""The container, as far as it can be tried without an engine: linted, its start script run, its Space header read."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from tests.project_map import README, ROOT


def test_the_dockerfile_passes_hadolint() -> None:
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert hadolint, "hadolint comes with the test extra"
    finished = subprocess.run([hadolint, str(ROOT / "Dockerfile")], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout


def test_the_container_runs_as_a_user_under_an_init_and_says_how_it_is() -> None:
    words = (ROOT / "Dockerfile").read_text()
    assert "USER 1000" in words
    assert 'ENTRYPOINT ["/usr/bin/tini", "--"' in words
    assert "HEALTHCHECK" in words
    assert "/api/health" in words


def test_the_readme_is_a_spaces_header() -> None:
    header = yaml.safe_load(README.read_text().split("---")[1])
    assert header["sdk"] == "docker"
    assert f"TUNESMITH_PORT={header['app_port']}" in (ROOT / "Dockerfile").read_text()


def started(tmp_path: Path, **env: str) -> tuple[str, str]:
    """What the start script hands to `tunesmith`: the home, and the arguments."""
    fake = tmp_path / "tunesmith"
    fake.write_text('#!/bin/sh\necho "$TUNESMITH_HOME"\necho "$@"\n')
    fake.chmod(0o755)
    search = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    command = [str(ROOT / "deploy" / "start"), "serve", "--no-browser"]
    finished = subprocess.run(
        command, env={"PATH": search, "HOME": "/h", **env}, capture_output=True, text=True, check=True
    )
    home, arguments = finished.stdout.splitlines()
    return home, arguments


def test_the_start_script_keeps_the_home_it_is_given(tmp_path: Path) -> None:
    assert started(tmp_path, TUNESMITH_HOME="/somewhere") == ("/somewhere", "serve --no-browser")


def test_the_start_script_finds_a_home(tmp_path: Path) -> None:
    volume = os.access("/data", os.W_OK) and os.path.isdir("/data")
    assert started(tmp_path)[0] == ("/data/tunesmith" if volume else "/h/.tunesmith")
