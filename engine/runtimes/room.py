"""What an installation takes, said and checked before anything is fetched: what is downloaded, disk, minutes."""

import math
from dataclasses import dataclass

from engine import sizes
from engine.errors import DiskFullError
from engine.runtimes import locks, this_machine
from engine.runtimes.kinds import Build, Kind
from storage import home

SPARE_BYTES = 1 << 30  # that stays free beside it


@dataclass(frozen=True)
class Room:
    """In bytes: what is fetched at most, and what the disk must have free while it is installed.

    `build_minutes`: how long building takes here, about; None where nothing is built.
    """

    download_bytes: int
    disk_bytes: int
    build_minutes: int | None = None


def needed(build: Build) -> Room:
    """What an installation of this build takes; what is fetched is kept beside it until it is verified."""
    packages = sum(locks.read(lock).download_bytes for lock in (build.lock, build.tools_lock) if lock)
    fetched = packages + build.torch_bytes + build.archive_bytes + build.libraries_bytes
    disk = fetched + build.disk_bytes + build.build_bytes + SPARE_BYTES
    return Room(fetched, disk, math.ceil(build.build_core_minutes / this_machine.jobs()) if build.tools_lock else None)


def check(kind: Kind, build: Build) -> None:
    """Raises DiskFullError when the disk has no room for it."""
    room, free = needed(build), home.free_bytes()
    if free < room.disk_bytes:
        during, after = sizes.in_words(room.disk_bytes), sizes.in_words(build.disk_bytes)
        message = f"{kind.title} needs {during} of free disk for its installation, {after} afterwards."
        hint = f"{sizes.in_words(free)} is free. Free some space where {home.home()} is, then install it again."
        raise DiskFullError(message, hint)
