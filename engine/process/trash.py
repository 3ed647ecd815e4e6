"""Folders that are deleted: out of sight at once, by one rename into trash/, and removed from the disk in their time.

Removing a folder of many gigabytes takes long and may be cut off by a kill. A rename is done or not, and what lies in
trash/ is nobody's: `empty` removes it, after a kill as well.
"""

import errno
import shutil
from pathlib import Path
from secrets import token_hex

from storage import home


def discard(path: Path) -> Path | None:
    """Takes a folder or file away for good; returns where it lies now. Nothing happens when it is not there."""
    target = home.ensure_folder(home.folder("trash")) / f"{path.name}.{token_hex(4)}"
    try:
        path.rename(target)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _remove(path)  # on another disk than the home: it cannot be moved at once
        return None
    return target


def empty() -> None:
    """Removes what lies in the trash from the disk."""
    for path in home.folder("trash").glob("*"):
        _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
