"""Exports pushed to a hub of ours by the real worker and client."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from engine.exports import exports, hub
from engine.process import work
from storage import home
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Work
from tests.conftest import ROOT
from tests.engine.data.fake_hub import COMMIT
from tests.engine.exports.trained_runs import add_run
from tests.engine.weights import model_folders
from tests.waiting import wait_for

TOKEN = "hf_writes"


@pytest.fixture
def repositories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A hub that the studio, and so its workers, take for the only one; its folder."""
    root = tmp_path / "repositories"
    (root / "owner").mkdir(parents=True)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.engine.data.fake_hub", str(root)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        for name in [name for name in os.environ if name.startswith("HF_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("HF_ENDPOINT", server.stdout.readline().strip())
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
        yield root
        server.kill()


def pushed(export_id: str, repo: str, token: str = TOKEN) -> Work:
    """The upload, when it is over."""
    begun = hub.push(export_id, repo, token)
    wait_for(lambda: work.wait(begun.id, 0.2).status not in WORK_MOVING, seconds=60)
    return work.look_up(begun.id)


def test_an_export_goes_to_the_hub_with_card_and_licence_and_the_token_nowhere(
    repositories: Path, tmp_path: Path
) -> None:
    base = model_folders.make(tmp_path / "base")
    (base / "LICENSE").write_text("Apache License")
    export, _ = exports.create(f"run:{add_run(base).id}", "adapter")
    ended = pushed(export.id, "owner/jokes")
    assert (ended.status, ended.error) == (WorkStatus.SUCCEEDED, None)
    assert ended.result["revision"] == COMMIT
    assert ended.result["url"].endswith("/owner/jokes")
    there = {path.name: path.read_bytes() for path in (repositories / "owner" / "jokes").iterdir()}
    wanted = {entry.name: b"".join(entry.chunks()) for entry in exports.download(export.id).entries}
    assert there == wanted
    assert "LICENSE" in there
    assert "tunesmith" in yaml.safe_load(there["README.md"].decode().split("---\n")[1])["tags"]
    files = [path for path in home.home().rglob("*") if path.is_file()]
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]
    assert pushed(export.id, "owner/jokes").status == WorkStatus.SUCCEEDED  # it knows its own again


def test_what_somebody_else_has_made_is_not_touched_and_a_token_that_only_reads_is_named(
    repositories: Path, tmp_path: Path
) -> None:
    other = repositories / "owner" / "theirs"
    other.mkdir()
    (other / "README.md").write_text("---\ntags: [other]\n---\n# Theirs\n")
    export, _ = exports.create(f"run:{add_run(model_folders.make(tmp_path / 'base')).id}", "adapter")
    ended = pushed(export.id, "owner/theirs")
    assert ended.status == WorkStatus.FAILED
    assert "owner/theirs exists on the hub, and was not made here" in str(ended.error)
    assert (other / "README.md").read_text().endswith("# Theirs\n")
    refused = pushed(export.id, "owner/new", "hf_reads_only")
    assert "token does not allow" in str(refused.error)
    assert not (repositories / "owner" / "new").exists()
