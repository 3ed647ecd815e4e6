"""Installs a runtime aside, tries it, and puts it into use: `python -m engine.workers.runtimes.install SPEC.json OUT/`.

Whatever ends it early leaves a folder without its manifest, which nobody takes for whole, and the next installation
removes. What was in use before is not touched until the last step, which is one exchange of a link.
"""

import platform
import shutil
import time
from pathlib import Path
from typing import Any

from engine.process import events
from engine.runtimes import folders, locks
from engine.runtimes.folders import Manifest
from engine.runtimes.kinds import Build
from engine.workers import contract
from engine.workers.contract import WorkFailedError
from engine.workers.runtimes import checks, environment, llama
from engine.workers.runtimes.pip import Pip

LEFT = (
    "archive",
    "backend",
    "libraries",
    "npm",
    "requirements",
    "tiny",
    "tools",
)  # folders, and lists of the same names


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """As `install`, when no other installation of the kind is under way. Raises WorkFailedError."""
    with folders.filling(Path(spec["root"]), str(spec["kind"])):
        return install(spec, out)


def ensure(spec: dict[str, Any] | None, root: Path, kind: str, out: Path) -> Path:
    """The runtime that other work needs, installed first where it is missing. Raises WorkFailedError."""
    if spec is not None:
        with folders.filling(root, kind):
            if folders.current(root, kind) is None:  # else somebody has installed it meanwhile
                install(spec, out)
                _clear(out)
    if (folder := folders.current(root, kind)) is None:
        raise WorkFailedError("config", f"The runtime {kind} is gone.", "Ask for the export again: it is fetched then.")
    return folder


def _clear(out: Path) -> None:
    """Removes what an installation leaves in the folder of its work."""
    for name in LEFT:
        shutil.rmtree(out / name, ignore_errors=True)
        (out / name).with_suffix(".txt").unlink(missing_ok=True)


def install(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Makes the folder, tries what is in it, and puts it into use. Raises WorkFailedError."""
    began, root, build = time.time(), Path(spec["root"]), Build.model_validate(spec["build"])
    kind, own = str(spec["kind"]), spec["own"]
    folder = root / folders.name(kind, build.version, out.name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    log = _log(root, kind, out)
    facts = {"own": own, "version": "", "words": f"the one at {own}"} if own else _made(spec, build, folder, out, log)
    if own:
        environment.stand_for(Path(own), folder)
    checked = checks.all_of(build, folder, out, log)
    _say(out, "putting it into use")
    in_use = folders.current(root, kind)
    manifest = Manifest(
        kind=kind,
        before=in_use.name if in_use else None,
        installed_at=time.time(),
        seconds=round(time.time() - began, 1),
        size_bytes=folders.size_of(folder),
        python=platform.python_version(),
        checks=checked.passed,
        **facts | ({"version": checked.version or build.version} if own else {}),
    )
    folders.write(folder, manifest)
    folders.use(root, kind, folder)
    shutil.rmtree(root / folders.CACHE / kind, ignore_errors=True)
    return manifest.model_dump()


def _made(spec: dict[str, Any], build: Build, folder: Path, out: Path, log: Path) -> dict[str, Any]:
    """Fetches and installs everything; what the manifest says of it."""
    lock = locks.parse(spec["lock"])
    npm_lock, tools_lock = locks.parse(spec["npm_lock"]), locks.parse(spec.get("tools_lock", ""))
    total = lock.download_bytes + tools_lock.download_bytes
    total += build.torch_bytes + build.archive_bytes + build.libraries_bytes
    pip = Pip(out, log, Path(spec["root"]) / folders.CACHE / str(spec["kind"]), total)
    facts: dict[str, Any] = {"version": build.version, "words": build.words, "lock_sha256": lock.sha256}
    if build.archive:
        llama.make(build, {"packages": lock, "npm": npm_lock, "tools": tools_lock}, folder, pip)
        return facts
    environment.make(folder, log)
    if build.torch:
        facts["torch_sha256"] = environment.install_torch(build, folder, pip)
    environment.install(lock, folder, pip)
    environment.mend(build, folder)
    return facts


def _log(root: Path, kind: str, out: Path) -> Path:
    """The log of this installation, which stays whatever becomes of it."""
    logs = root / folders.LOGS
    logs.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = logs / f"{kind}-{out.name}.log"
    log.touch(mode=0o600)
    return log


def _say(out: Path, stage: str) -> None:
    events.append(out, events.Progress(done=0, stage=stage))


if __name__ == "__main__":
    contract.run(work)
