"""Runtimes: installed aside by the real worker and pip, tried, swapped in, and whatever goes wrong leaves what was."""

import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import ConflictError, DiskFullError, NotFoundError, RefusedError
from engine.process import process, work
from engine.runtimes import folders, kinds, runtimes
from engine.runtimes.kinds import Build, Kind
from engine.serve.vllm import command
from storage import db, home
from storage.statuses import EndpointStatus, WorkStatus
from storage.tables import Backend, Endpoint
from tests.engine.runtimes.tiny_runtime import BREAKS, HANGS, NAME, Shelf, ended, installed
from tests.waiting import wait_for

KIND = "quantize"
pytestmark = pytest.mark.usefixtures("untraced")  # tests.workers.runtimes holds what runs in the worker


def version_that_answers() -> str:
    """What the Python says that everybody who follows the link starts."""
    program = home.folder("runtimes") / KIND / "bin" / "python"
    command = [str(program), "-c", f"import {NAME}; print({NAME}.__version__)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def whole() -> list[str]:
    """The versions on the disk that are whole."""
    there = (folders.read(folder) for folder in folders.installations(runtimes.root(), KIND))
    return sorted(manifest.version for manifest in there if manifest)


def test_versions_come_and_go_back_and_the_oldest_is_removed(shelf: Shelf) -> None:
    shelf.offer("1.0")
    installed("1.0")
    assert version_that_answers() == "1.0"
    facts = runtimes.describe(KIND)
    assert facts["installed"]["checks"][0].startswith(f"imports {NAME}")
    assert (facts["status"], facts["version_before"], facts["is_current"]) == ("succeeded", None, True)
    assert runtimes.install(KIND) is None  # it is there already
    with pytest.raises(ConflictError, match="no version of tiny before"):
        runtimes.roll_back(KIND)
    shelf.offer("1.1")
    assert runtimes.describe(KIND)["is_current"] is False
    installed("1.1")
    for version, other in (("1.0", "1.1"), ("1.1", "1.0")):
        runtimes.roll_back(KIND)
        assert version_that_answers() == version
        assert runtimes.describe(KIND)["version_before"] == other
    shelf.offer("1.2")
    installed("1.2")
    runtimes.tidy()
    assert whole() == ["1.1", "1.2"]
    assert f"Successfully installed {NAME}-1.2" in runtimes.log(KIND)
    runtimes.uninstall(KIND)
    assert (whole(), runtimes.describe(KIND)["installed"]) == ([], None)
    with pytest.raises(NotFoundError, match="tiny is not installed"):
        runtimes.uninstall(KIND)


def test_what_is_broken_or_not_what_was_locked_is_never_put_into_use(shelf: Shelf) -> None:
    shelf.offer("1.0")
    installed("1.0")
    shelf.offer("1.1", BREAKS)
    row = ended(runtimes.install(KIND))
    assert row.status == WorkStatus.FAILED
    assert "does not work here: RuntimeError: made for another processor" in (row.error or "")
    assert "What was in use before still is" in (row.hint or "")
    shelf.offer("1.2", sha256="0" * 64)
    row = ended(runtimes.install(KIND))
    assert "could not be installed: ERROR: THESE PACKAGES DO NOT MATCH THE HASHES" in (row.error or "")
    assert version_that_answers() == "1.0"
    runtimes.tidy()
    assert [folder.name for folder in folders.installations(runtimes.root(), KIND)] == [
        (home.folder("runtimes") / KIND).readlink().name
    ]


def hanging(shelf: Shelf) -> str:
    """An installation that hangs while it is tried; its id."""
    shelf.offer("2.0", HANGS)
    started = runtimes.install(KIND)
    assert started is not None
    wait_for(lambda: work.wait(started.id, 0.1).stage.startswith("trying it"), seconds=60)
    return started.id


def test_a_kill_in_the_middle_leaves_nothing_that_looks_whole_and_the_next_cleans_up(shelf: Shelf) -> None:
    work_id = hanging(shelf)
    again = runtimes.install(KIND)
    assert again is not None
    assert again.id == work_id  # two installations at once are one
    process.kill(home.work_folder(work_id))
    row = ended(again)
    assert row.status == WorkStatus.FAILED
    assert "died without an error message" in (row.error or "")
    (left,) = folders.installations(runtimes.root(), KIND)
    assert folders.read(left) is None
    assert runtimes.describe(KIND)["installed"] is None
    shelf.offer("1.0")
    installed("1.0")
    assert not left.exists()


def test_a_cancelled_installation_leaves_no_process_and_no_folder(shelf: Shelf) -> None:
    shelf.offer("1.0")
    with pytest.raises(ConflictError, match="No installation of tiny is under way"):
        runtimes.cancel(KIND)
    work_id = hanging(shelf)
    with pytest.raises(ConflictError, match="is being installed"):
        runtimes.roll_back(KIND)
    runtimes.cancel(KIND)
    assert work.look_up(work_id).status == WorkStatus.STOPPED
    assert folders.installations(runtimes.root(), KIND) == []
    assert not process.alive(home.work_folder(work_id))
    assert "import" in runtimes.log(KIND) or NAME in runtimes.log(KIND)


def test_a_disk_without_room_is_said_before_anything_is_fetched(shelf: Shelf) -> None:
    shelf.offer("1.0", disk_bytes=10**18)
    with pytest.raises(DiskFullError, match=r"tiny needs 1000000\d* TB of free disk for its installation") as raised:
        runtimes.install(KIND)
    assert "install it again" in raised.value.hint
    assert not home.folder("runtimes").exists()
    assert "of free disk" in runtimes.describe(KIND)["reason"]


def test_a_folder_made_by_hand_is_not_touched(shelf: Shelf) -> None:
    shelf.offer("1.0")
    own = home.ensure_folder(home.folder("runtimes", KIND))
    (own / "mine").touch()
    for act in (runtimes.install, runtimes.uninstall):
        with pytest.raises(RefusedError, match="is a folder that this studio did not make"):
            act(KIND)
    assert (own / "mine").exists()


def test_an_unknown_kind_is_named_with_the_known_ones() -> None:
    with pytest.raises(NotFoundError, match="no runtime `cuda`") as raised:
        runtimes.install("cuda")
    assert "vllm, llama, quantize" in raised.value.hint


@pytest.fixture
def own_vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    """vLLM counts as there where a module of the standard library imports."""
    build = Build(lock="npm-linux-x86-64", version="9", words="vLLM", requires=(), disk_bytes=1, modules=("optparse",))
    kind = Kind(name="vllm", title="vLLM", purpose="Serves.", instead="Do without.", builds=(build,))
    monkeypatch.setitem(kinds.KINDS, "vllm", kind)
    monkeypatch.setenv("TUNESMITH_VLLM_PYTHON", sys.executable)


@pytest.mark.usefixtures("own_vllm")
def test_a_python_that_has_it_already_is_taken_as_it_is_after_the_same_check() -> None:
    assert runtimes.describe("vllm")["own"] == sys.executable
    assert ended(runtimes.install("vllm")).error is None
    facts = runtimes.describe("vllm")
    assert (facts["installed"]["own"], facts["is_current"]) == (sys.executable, True)
    program = home.folder("runtimes") / "vllm" / "bin" / "python"
    shown = subprocess.run([str(program), "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True)
    assert shown.stdout.strip() == sys.prefix
    assert runtimes.install("vllm") is None


@pytest.mark.usefixtures("own_vllm")
def test_a_python_that_cannot_be_started_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TUNESMITH_VLLM_PYTHON", str(tmp_path / "nowhere"))
    with pytest.raises(RefusedError, match=r"TUNESMITH_VLLM_PYTHON is .*nowhere"):
        runtimes.install("vllm")
    assert "nowhere" in runtimes.describe("vllm")["reason"]


def made_by_hand(name: str, version: str, before: str | None = None) -> Path:
    """An installation of vLLM as a worker leaves it."""
    folder = home.ensure_folder(runtimes.root() / name)
    (folder / "bin").mkdir()
    (folder / "bin" / "python").touch()
    folders.write(folder, folders.Manifest(kind="vllm", version=version, words="vLLM", before=before))
    folders.use(runtimes.root(), "vllm", folder)
    return folder


def test_an_endpoint_keeps_the_version_it_was_started_with() -> None:
    oldest = made_by_hand("vllm-1-aaaaaa", "1")
    started_with = command.python()
    assert started_with == oldest / "bin" / "python"  # not by the link, which may lead elsewhere tomorrow
    with db.session() as session:
        session.add(Endpoint(id="e1", project_id="default", name="jokes"))
        session.flush()
        session.add(Backend(id="b1", endpoint_id="e1", kind="vllm", status=EndpointStatus.READY))
    plan = home.ensure_folder(home.backend_folder("b1")) / "plan.1.json"
    plan.write_text(f'{{"argv": ["{started_with}", "-m", "vllm"], "env": {{}}}}')
    made_by_hand("vllm-2-bbbbbb", "2", oldest.name)
    made_by_hand("vllm-3-cccccc", "3", "vllm-2-bbbbbb")
    runtimes.tidy("vllm")
    assert oldest.exists()
    with pytest.raises(ConflictError, match="vLLM serves the endpoint jokes"):
        runtimes.uninstall("vllm")
    with db.session() as session:
        backend = session.get(Backend, "b1")
        assert backend
        backend.status = EndpointStatus.STOPPED
    runtimes.tidy("vllm")
    assert not oldest.exists()
    runtimes.uninstall("vllm")
    assert not (runtimes.root() / "vllm").is_symlink()
