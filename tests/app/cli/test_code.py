"""`tunesmith code`: answers as they come, run, ranked, fixed, and written into a folder."""

import fcntl
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import home
from tests import fake_coder
from tests.app.cli.test_commands import run
from tests.coding import NAME, needs_sandbox
from tests.coding import coder as coder
from tests.coding import coder_address as coder_address


@pytest.fixture(autouse=True)
def _studio_runs() -> Iterator[None]:
    """A studio moves things on this home: its endpoint answers, and the command starts no engine of its own."""
    with home.engine_lock().open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@needs_sandbox
def test_code_is_written_run_fixed_and_put_into_a_folder(coder: str, tmp_path: Path) -> None:
    target = tmp_path / "out"
    done = run("code", "mean", "--model", NAME, "--rounds", "2", "--to", str(target))
    assert done.returncode == 0, done.stderr
    assert "Here is the code." in done.stdout
    assert "ZeroDivisionError" in done.stdout
    assert "round 1: works" in done.stdout
    assert (target / "main.py").read_text() == fake_coder.MENDED
    again = run("code", "mean", "--model", NAME, "--to", str(target))
    assert (again.returncode, "is there already" in again.stderr) == (1, True)
    assert (target / "main.py").read_text() == fake_coder.MENDED


@needs_sandbox
def test_candidates_are_ranked_and_what_fails_ends_with_1(coder: str, tmp_path: Path) -> None:
    tests = tmp_path / "test_main.py"
    tests.write_text(fake_coder.TESTS)
    ranked = run("code", "double", "--model", NAME, "--candidates", "2", "--seed", "1", "--test", str(tests))
    assert ranked.returncode == 0, ranked.stderr
    assert "--- candidate 2 ---" in ranked.stdout
    assert "1. candidate 2: 1 of 1 tests pass" in ranked.stdout
    assert "2. candidate 1: 0 of 1 tests pass" in ranked.stdout
    failed = run("code", "hopeless", "--model", NAME, "--run")
    assert (failed.returncode, "fails" in failed.stdout, failed.stderr) == (1, True, "")


def test_a_terminal_obeys_nothing_in_an_answer_and_files_stay_in_the_folder(coder: str, tmp_path: Path) -> None:
    target = tmp_path / "out"
    done = run("code", "hostile", "--model", NAME, "--to", str(target))
    assert done.returncode == 0, done.stderr
    assert "\u202e" not in done.stdout + done.stderr
    assert "<U+202E>" in done.stdout
    assert "was changed to `etc/cron.d/evil.py`" in done.stderr
    written = sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
    assert written == ["ab.py", "etc/cron.d/evil.py", "windows/evil.py"]
    source = tmp_path / "app.py"
    source.write_bytes(b"\xff\xfe")
    refused = run("code", "--action", "explain", "--model", NAME, "--file", str(source))
    assert (refused.returncode, "is not text in UTF-8" in refused.stderr) == (1, True)
    source.write_text("x = 1\n")
    explained = run("code", "--action", "explain", "--model", NAME, "--file", str(source))
    told = json.loads(run("code", "--action", "explain", "--model", NAME, "--file", str(source), "--json").stdout)
    assert [one["answer"] for one in told["candidates"]] == [explained.stdout.rstrip("\n")]
    assert explained.stdout == "The code adds the numbers and divides by their count.\n"
