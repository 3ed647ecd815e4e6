"""What failed in the machine and not in the studio, in words a person can act on: a full disk, a busy database ..."""

import errno
import os

from sqlalchemy.exc import DBAPIError

from engine.errors import FULL_CODES, BusyError, DamagedError, DiskFullError, TunesmithError
from storage import home

DAMAGED_HINT = "Stop the studio and put your last copy of the file in its place; docs/operations.md tells how."
UNUSABLE_CODES = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)


def of_machine(error: Exception) -> TunesmithError | None:
    """What a person can act on where the disk or the database failed; None for a mistake of ours."""
    if isinstance(error, DBAPIError):
        return _of_database(str(error.orig))
    return _of_disk(error) if isinstance(error, OSError) else None


def _of_database(words: str) -> TunesmithError | None:
    """By SQLite's own words: its codes do not reach us through every layer."""
    if "locked" in words:
        return BusyError("The database is busy: another program holds it.", "Try again in a moment.")
    if "full" in words:
        return _disk_full()
    if "readonly" in words or "unable to open" in words:
        return _unusable(f"the database cannot be written ({words})")
    if "malformed" in words or "not a database" in words:
        message = f"The database {home.database_file()} is damaged ({words})."
        return DamagedError(message, DAMAGED_HINT)
    return None


def _of_disk(error: OSError) -> TunesmithError | None:
    if error.errno in FULL_CODES:
        return _disk_full()
    if error.errno in UNUSABLE_CODES and str(error.filename).startswith(str(home.home())):
        return _unusable(f"{error.filename}: {os.strerror(error.errno or 0)}")
    return None


def _disk_full() -> TunesmithError:
    return DiskFullError(
        f"The disk is full where the studio keeps its files ({home.home()}).", "Free some space and try again."
    )


def _unusable(reason: str) -> TunesmithError:
    message = f"The studio cannot use its folder {home.home()}: {reason}."
    return DamagedError(message, "Set TUNESMITH_HOME to a folder in which this user can write.")
