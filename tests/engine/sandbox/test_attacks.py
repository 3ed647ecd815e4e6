"""Every attack, with the real sandbox: by each means that this machine has, for root and for an ordinary user."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.sandbox import commands, probing
from engine.sandbox.inside import landlock
from tests.conftest import ROOT, needs

if sys.platform != "linux":
    pytest.skip("code is run on Linux only", allow_module_level=True)
USERS = ("root", "an ordinary user") if os.geteuid() == 0 else ("as it is",)
FIRST_USER = 41_000  # nobody's; one for each, as by one of the means a user's other processes count too
HAS_NAMESPACES = (
    subprocess.run(["unshare", "-Urnp", "--fork", "true"], capture_output=True, check=False).returncode == 0
)
LIMITS_OF_DISK = "it wrote more than"

Report = dict[str, Any]


def trials() -> list[Any]:
    marks = {
        commands.BUBBLEWRAP: needs(shutil.which("bwrap") if HAS_NAMESPACES else None, "bubblewrap, or what it needs,"),
        commands.NAMESPACES: pytest.mark.skipif(not HAS_NAMESPACES, reason="user namespaces are forbidden here"),
        commands.LANDLOCK: pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock"),
    }
    return [pytest.param(name, user, marks=mark) for name, mark in marks.items() for user in USERS]


@pytest.fixture(scope="module")
def reports() -> dict[tuple[str, str], Report]:
    """All of them at once, each in a process of its own, which may become another user."""
    numbered = [(str(FIRST_USER + place), name) for place, name in enumerate(commands.NAMES)]
    started = {
        (name, user): subprocess.Popen(
            [sys.executable, "-m", "tests.engine.sandbox.trial", name, number if user == USERS[-1] else "root"],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number, name in numbered
        for user in USERS
    }  # fmt: skip
    ended = {which: process.communicate(timeout=800) for which, process in started.items()}
    return {
        which: json.loads(output) if started[which].returncode == 0 else {"failed": errors}
        for which, (output, errors) in ended.items()
    }


@pytest.mark.parametrize(("means", "user"), trials())
def test_everything_that_means_ill_is_held_back(reports: dict[tuple[str, str], Report], means: str, user: str) -> None:
    report = reports[means, user]
    assert "failed" not in report, report["failed"]
    assert (report["reason"], [what for what, held in report["probes"].items() if not held]) == ("", [])
    assert len(report["probes"]) == len(probing.WORDS)
    assert (report["got"], report["signals"]) == ({}, [])
    assert report["files"] == ["out/good.txt"]  # no link, no pipe, nothing behind one
    assert report["flood"] == [1_000_000, True, "it printed far more than is kept"]
    assert [report[name].startswith(LIMITS_OF_DISK) for name in ("deep", "litter", "fill", "unlinked")] == [True] * 4
    assert report["outlived"] == []  # killed, the studio ends nothing itself
    assert (report["processes_left"], report["folders_left"]) == (0, 0)


@pytest.mark.parametrize(("means", "user"), trials())
def test_while_one_forks_without_end_another_answers(
    reports: dict[tuple[str, str], Report], means: str, user: str
) -> None:
    bomb = reports[means, user]["bomb"]
    assert (bomb["answer"], bomb["was_running"], bomb["timed_out"]) == ("still here\n", True, True)
    assert bomb["most"] < 40


def test_without_a_sandbox_every_probe_gets_through() -> None:
    """A probe that could not fail would prove nothing."""
    if os.geteuid() != 0:
        pytest.skip("an ordinary user is held back from some of it anyway")
    with probing.bait() as (told, looks):
        told["attempts"] = [name for name in probing.WORDS if name not in ("leftovers", "total_memory")]
        ended = subprocess.run(
            [sys.executable, "-I", probing.ATTEMPTS],
            cwd=Path(told["open_folders"][0]),
            input=json.dumps(told),
            capture_output=True,
            text=True,
            check=True,
        )
        held = json.loads(ended.stdout)
        held |= {name: answer and looks[name]() for name, answer in held.items() if name in looks}
    assert [name for name, answer in held.items() if answer] == []
