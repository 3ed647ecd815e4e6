"""The folder of one run: made, filled, looked at while it runs, read back without following a link, removed.

It lies in the system's folder for temporary files, named after the process that made it, and belongs to the user that
the code runs as. What is in it afterwards comes from a stranger: links, pipes, folders a thousand deep, odd names.
"""

import contextlib
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

PREFIX = "tunesmith-code-"
BOX = "box"
MOST_ENTRIES = 2000  # files and folders, while it runs
MOST_DISK_BYTES = 64_000_000
MOST_DEPTH = 32
MOST_FILES, MOST_BYTES = 40, 20_000_000  # that come back


def made(user: int | None) -> Path:
    """A new folder with `box`, which the code may write. `user`: whose it is."""
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    box = folder / BOX
    try:
        for path in (box, box / ".tmp", box / ".shm"):
            path.mkdir(mode=0o700)
            _give(path, user)
        _give(folder, user)
    except OSError:
        remove(folder)
        raise
    return folder


def fill(box: Path, files: Mapping[str, str | bytes], user: int | None) -> None:
    """Writes the files, whose names have been checked."""
    for name, content in files.items():
        path = box / name
        for parent in reversed(path.relative_to(box).parents):
            if not (box / parent).is_dir():
                (box / parent).mkdir(mode=0o700)
                _give(box / parent, user)
        path.write_bytes(content.encode("utf-8", "replace") if isinstance(content, str) else content)
        path.chmod(0o600)
        _give(path, user)


def _give(path: Path, user: int | None) -> None:
    if user is not None:
        os.chown(path, user, user)


def is_over(box: Path, size: int) -> bool:
    """Whether there is more in it, or it is deeper, than may be. Stops counting there, so it never takes long.

    `size`: bytes that count too, of files that have no name any more.
    """
    deepest = str(box).count(os.sep) + MOST_DEPTH
    if size > MOST_DISK_BYTES:
        return True
    for entries, entry in enumerate(_entries(str(box))):
        with contextlib.suppress(OSError):
            size += entry.stat(follow_symlinks=False).st_blocks * 512
        if entries > MOST_ENTRIES or size > MOST_DISK_BYTES or entry.path.count(os.sep) > deepest:
            return True
    return False


def _entries(folder: str) -> Iterator["os.DirEntry[str]"]:
    """What is below a folder, links not followed. What vanishes meanwhile, or is too deep, is passed over."""
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    yield entry
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue


def left(box: Path, given: Mapping[str, str | bytes]) -> dict[str, bytes]:
    """What the code has written: new files and changed ones, pictures first, up to MOST_FILES and MOST_BYTES.

    Only plain files with one name, read after every process has ended. Hidden ones and compiled modules stay behind.
    """
    files: dict[str, bytes] = {}
    size = 0
    paths = [entry.path for entry in _entries(str(box)) if entry.is_file(follow_symlinks=False)]
    for path in sorted(paths, key=lambda path: (not path.endswith(".png"), path)):
        name = os.path.relpath(path, box)
        if not _is_shown(name) or len(files) >= MOST_FILES:
            continue
        content = _read(path, MOST_BYTES - size)
        if content is not None and content != _bytes(given.get(name)):
            files[name] = content
            size += len(content)
    return files


def _is_shown(name: str) -> bool:
    parts = name.split(os.sep)
    return name.isprintable() and not any(part.startswith(".") or part == "__pycache__" for part in parts)


def _bytes(content: str | bytes | None) -> bytes | None:
    return content.encode("utf-8", "replace") if isinstance(content, str) else content


def _read(path: str, most: int) -> bytes | None:
    """The content of a plain file; None for a link, a pipe, a second name of something else, or too much."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1 or facts.st_size > most:
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(descriptor)


def remove(folder: Path) -> None:
    """Removes it, however deep: what lies in a folder's folder is moved up first, so no path ever becomes long."""
    with contextlib.suppress(OSError):
        while any_left := _names(folder):
            for name in any_left:
                _remove(folder, folder / name)
        folder.rmdir()


def _names(folder: Path) -> list[str]:
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        folder.chmod(0o700)
    return os.listdir(folder)


def _remove(folder: Path, path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    for name in _names(path):
        inner = path / name
        if inner.is_dir() and not inner.is_symlink():
            if not os.access(inner, os.W_OK | os.X_OK):
                inner.chmod(0o700)
            inner.rename(folder / f"{secrets.token_hex(8)}")
        else:
            inner.unlink()
    path.rmdir()


def remove_stale() -> None:
    """Removes the folders of processes that were killed in the middle of a run."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            is_ours = os.geteuid() in (0, folder.lstat().st_uid) and not folder.is_symlink()
            if is_ours and pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
                remove(folder)
