"""Runtimes: installed aside, verified, swapped in; the version before is kept for the way back.

An installation is a piece of work (`install_runtime`), one at a time for each kind. Its worker fills a folder of its
own and, when everything in it was tried, makes the link that others follow: until then what was there before serves on.
"""

import time
from pathlib import Path
from typing import Any

from engine.errors import ConflictError, DiskFullError, NotFoundError, RefusedError
from engine.process import process, trash, work
from engine.runtimes import fitness, folders, locks, own_python, room, this_machine, usage
from engine.runtimes.kinds import KINDS, Build, Kind
from storage import home
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Work

WORK = "install_runtime"
LOG_LINES = 400
KEPT_LOGS = 5
OLD_SECONDS = 60


def root() -> Path:
    """Where all of them are."""
    return home.folder("runtimes")


def kind_named(name: str) -> Kind:
    """The kind of that name. Raises NotFoundError."""
    if (kind := KINDS.get(name)) is None:
        raise NotFoundError(f"There is no runtime `{name:.40}`.", f"Choose one of: {', '.join(KINDS)}.")
    return kind


def subject(name: str) -> str:
    """What the work of a kind is about."""
    return f"runtime-{name}"


def install(name: str, again: bool = False) -> Work | None:
    """Begins an installation and returns at once; None when what would be installed is in use already.

    One that is under way is returned instead. `again` installs it anew, and takes ours where this machine has its own.
    Raises NotFoundError; RefusedError with the reason when this machine cannot run it; DiskFullError.
    """
    kind = kind_named(name)
    latest = work.latest(subject(name), WORK)
    if latest is not None and latest.status in WORK_MOVING:
        return latest
    folders.refuse_a_folder(root(), name)
    own = None if again else own_python.find(kind)
    build = kind.builds[-1] if own else fitness.choose(kind, _machine(kind)).build
    if not again and _is_current(name, build, own):
        return None
    tidy(name)
    if own is None:
        room.check(kind, build)
    home.ensure_folder(root())
    return work.start(WORK, subject(name), _spec(kind, build, own, latest))


def needed(name: str) -> dict[str, Any] | None:
    """What a worker is told so that it installs a kind before its own work; None when the kind is there.

    Raises RefusedError with the reason when this machine cannot run it; DiskFullError.
    """
    kind = kind_named(name)
    if folders.current(root(), name) is not None:
        return None
    folders.refuse_a_folder(root(), name)
    build = fitness.choose(kind, _machine(kind)).build
    room.check(kind, build)
    home.ensure_folder(root())
    return _spec(kind, build, None, None)


def _machine(kind: Kind) -> this_machine.Machine:
    return this_machine.look(program for build in kind.builds for program in build.programs)


def _is_current(name: str, build: Build, own: Path | None) -> bool:
    folder = folders.current(root(), name)
    manifest = folders.read(folder) if folder else None
    if manifest is None:
        return False
    if own is not None:
        return manifest.own == str(own)
    return manifest.lock_sha256 == locks.read(build.lock).sha256


def _spec(kind: Kind, build: Build, own: Path | None, latest: Work | None) -> dict[str, Any]:
    """All that the worker is told. By `after` it is other work than the last, and two clicks at once are the same."""
    return {
        "kind": kind.name,
        "build": build.model_dump(mode="json"),
        "lock": locks.read(build.lock).text,
        "npm_lock": locks.read(build.npm_lock).text if build.npm_lock else "",
        "tools_lock": locks.read(build.tools_lock).text if build.tools_lock else "",
        "root": str(root()),
        "own": str(own) if own else None,
        "after": latest.id if latest else "",
    }


def cancel(name: str) -> None:
    """Ends an installation that is under way; what was in use before stays. Raises NotFoundError, ConflictError."""
    kind_named(name)
    latest = work.latest(subject(name), WORK)
    if latest is None or latest.status not in WORK_MOVING:
        raise ConflictError(f"No installation of {KINDS[name].title} is under way.", "There is nothing to cancel.")
    work.stop(latest.id)
    tidy(name)


def roll_back(name: str) -> None:
    """Puts the version before into use again; what was in use becomes the one before, so that back leads forth again.

    What was started with the other version goes on with it. Raises NotFoundError, ConflictError, RefusedError.
    """
    kind = kind_named(name)
    _refuse_while_installing(kind)
    in_use, version_before = folders.current(root(), name), folders.previous(root(), name)
    manifest = folders.read(version_before) if version_before else None
    if in_use is None or version_before is None or manifest is None:
        raise ConflictError(f"There is no version of {kind.title} before this one.", "Install one first.")
    folders.write(version_before, manifest.model_copy(update={"before": in_use.name}))
    folders.use(root(), name, version_before)


def _refuse_while_installing(kind: Kind) -> None:
    latest = work.latest(subject(kind.name), WORK)
    if latest is not None and latest.status in WORK_MOVING:
        raise ConflictError(f"{kind.title} is being installed.", "Wait until that has ended, or cancel it.")


def uninstall(name: str) -> None:
    """Removes every version of a kind, and ends its installation. Its logs stay.

    Raises NotFoundError when nothing of it is there, ConflictError while an endpoint is served with it.
    """
    kind = kind_named(name)
    if users := usage.endpoints_of(name, root()):
        message = f"{kind.title} serves the endpoint {users[0]}."
        raise ConflictError(message, "Stop that endpoint on the Serve page first.")
    folders.refuse_a_folder(root(), name)
    latest = work.latest(subject(name), WORK)
    is_installing = latest is not None and latest.status in WORK_MOVING
    if latest is not None and is_installing:
        work.stop(latest.id)
    there = folders.installations(root(), name)
    if not there and not is_installing and not (root() / name).is_symlink():
        raise NotFoundError(f"{kind.title} is not installed.", f"`tunesmith runtime install {name}` installs it.")
    (root() / name).unlink(missing_ok=True)
    for folder in there:
        trash.discard(folder)
    trash.discard(root() / folders.CACHE / name)


def tidy(only: str | None = None) -> None:
    """Removes what no longer serves: installations that were cut off, and versions older than the one before."""
    for name in [only] if only else KINDS:
        there = folders.installations(root(), name)  # first: whatever is begun after this look is not in it
        if folders.is_filling(root(), name):
            continue  # by its own work, or by work that needs it first
        kept = {folders.current(root(), name), folders.previous(root(), name), _being_filled(name)}
        for folder in there:
            if folder not in kept and not usage.endpoints_of(name, folder):
                trash.discard(folder)
        for link in root().glob(f".{name}.*"):
            if time.time() - link.lstat().st_mtime > OLD_SECONDS:  # of an exchange that was cut off
                link.unlink(missing_ok=True)
        for log in sorted((root() / folders.LOGS).glob(f"{name}-*.log"), key=_changed_at)[:-KEPT_LOGS]:
            log.unlink(missing_ok=True)


def _changed_at(path: Path) -> float:
    return path.stat().st_mtime


def _being_filled(name: str) -> Path | None:
    """The folder of the installation that is under way."""
    latest = work.latest(subject(name), WORK)
    if latest is None or latest.status not in WORK_MOVING:
        return None
    return root() / folders.name(name, str(latest.spec["build"]["version"]), latest.id)


def log(name: str, lines: int = LOG_LINES) -> str:
    """The end of what the newest installation printed; empty when there was none. Raises NotFoundError."""
    kind_named(name)
    logs = sorted((root() / folders.LOGS).glob(f"{name}-*.log"), key=_changed_at)
    return process.tail(logs[-1], lines) if logs else ""


def log_of(made_by: Work) -> Path | None:
    """The log of an installation: pip's words and those of the checks. None for other work, and before it has one."""
    if made_by.kind != WORK:
        return None
    path = root() / folders.LOGS / f"{kind_named(made_by.spec['kind']).name}-{made_by.id}.log"
    return path if path.exists() else None


def describe(name: str) -> dict[str, Any]:
    """What there is to say about a kind: what is in use, what can be installed or why not, how an installation goes."""
    kind = kind_named(name)
    in_use, version_before = folders.current(root(), name), folders.previous(root(), name)
    manifest, earlier = (folders.read(folder) if folder else None for folder in (in_use, version_before))
    latest = work.latest(subject(name), WORK)
    return {
        "kind": name,
        "title": kind.title,
        "purpose": kind.purpose,
        "folder": str(in_use) if in_use else None,
        "installed": manifest.model_dump() if manifest else None,
        "version_before": earlier.version if earlier else None,
        "id": latest.id if latest else None,
        "status": latest.status if latest else (WorkStatus.SUCCEEDED if manifest else None),
        **{field: getattr(latest, field, None) for field in ("progress", "stage", "error", "hint")},
        **_offer(kind, manifest),
    }


def _offer(kind: Kind, manifest: folders.Manifest | None) -> dict[str, Any]:
    """What an installation would bring here, or why there is none."""
    offer: dict[str, Any] = dict.fromkeys(("own", "offered", "download_bytes", "disk_bytes", "build_minutes", "reason"))
    try:
        own = own_python.find(kind)
        if own is not None:
            is_current = manifest is not None and manifest.own == str(own)
            return {**offer, "own": str(own), "offered": str(own), "notes": [], "is_current": is_current}
        choice = fitness.choose(kind, _machine(kind))
    except RefusedError as error:
        return {**offer, "reason": str(error), "notes": [], "is_current": False}
    needs = room.needed(choice.build)
    return {
        **offer,
        "offered": f"{choice.build.words} {choice.build.version}",
        "download_bytes": needs.download_bytes,
        "disk_bytes": needs.disk_bytes,
        "build_minutes": needs.build_minutes,
        "reason": _short_of_disk(kind, choice.build),
        "notes": list(choice.notes),
        "is_current": manifest is not None and manifest.lock_sha256 == locks.read(choice.build.lock).sha256,
    }


def _short_of_disk(kind: Kind, build: Build) -> str | None:
    try:
        room.check(kind, build)
    except DiskFullError as error:
        return str(error)
    return None


def describe_all() -> list[dict[str, Any]]:
    return [describe(name) for name in KINDS]
