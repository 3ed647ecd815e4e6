"""Installs a runtime of nothing: `python -m tests.fake_installer SPEC.json OUT/`. Goes on once ROOT/go is there."""

from pathlib import Path
from typing import Any

from engine.process import events
from engine.runtimes import folders
from engine.workers import contract
from tests.waiting import wait_for


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    root, kind, version = Path(spec["root"]), str(spec["kind"]), str(spec["build"]["version"])
    events.append(out, events.Progress(done=1, total=4, stage="downloading 1 MB of 4 MB"))
    wait_for((root / "go").exists)
    folder = root / folders.name(kind, version, out.name)
    (folder / "lib").mkdir(parents=True)
    folders.write(folder, folders.Manifest(kind=kind, version=version, words=str(spec["build"]["words"])))
    folders.use(root, kind, folder)
    return {}


if __name__ == "__main__":
    contract.run(work)
