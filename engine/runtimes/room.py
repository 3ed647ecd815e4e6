"""How much is fetched for a runtime and how much disk that takes, said and checked before anything is fetched."""

from dataclasses import dataclass

from engine import sizes
from engine.errors import DiskFullError
from engine.runtimes import locks
from engine.runtimes.kinds import Build, Kind
from storage import home

SPARE_BYTES = 1 << 30  # that stays free beside it


@dataclass(frozen=True)
class Room:
    """In bytes: what is fetched at most, and what the disk must have free while it is installed."""

    download_bytes: int
    disk_bytes: int


def needed(build: Build) -> Room:
    """What an installation of this build takes; what is fetched is kept beside it until it is verified."""
    packages = locks.read(build.lock).download_bytes
    fetched = packages + build.torch_bytes + build.archive_bytes + build.libraries_bytes
    return Room(fetched, fetched + build.disk_bytes + SPARE_BYTES)


def check(kind: Kind, build: Build) -> None:
    """Raises DiskFullError when the disk has no room for it."""
    room, free = needed(build), home.free_bytes()
    if free < room.disk_bytes:
        during, after = sizes.in_words(room.disk_bytes), sizes.in_words(build.disk_bytes)
        message = f"{kind.title} needs {during} of free disk for its installation, {after} afterwards."
        hint = f"{sizes.in_words(free)} is free. Free some space where {home.home()} is, then install it again."
        raise DiskFullError(message, hint)
