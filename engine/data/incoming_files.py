"""Files from outside come in here: looked at before they are read, copied or moved to a place of the studio's own."""

import os
import shutil
import stat
from pathlib import Path
from typing import IO

import orjson

from engine import names, sizes
from engine.errors import NotFoundError, RefusedError, TunesmithError
from engine.rows.readers import choose, hub_files
from storage import home, settings

COPY_BYTES = 8 << 20
MOST_FILES = 1000
STATE, MOST_STATE_BYTES = "state.json", 1 << 20  # beside the shards of a saved dataset
SYSTEM_FOLDERS = ("/proc", "/sys", "/dev")


def file_name(name: str) -> str:
    """The last part of a file's name as it came from outside, fit to be shown; it is never used as a path."""
    last = names.composed(name).replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    printable = "".join(letter if letter.isprintable() else "_" for letter in last)
    return printable[-names.LONGEST :] or "file"


def take_in(path: Path, target: Path) -> int:
    """Brings a file to `target` and returns its size in bytes. Moves it when it lies where the studio keeps uploads.

    Raises NotFoundError, or RefusedError for links, folders, pipes, devices, the studio's own files, and large ones.
    """
    with _open(path) as file:
        descriptor = file.fileno()
        size = _checked_size(descriptor, path)
        if _is_upload(path) and os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(descriptor)):
            shutil.move(path, target)
            if os.path.samestat(os.stat(target, follow_symlinks=False), os.fstat(descriptor)):
                return size
            target.unlink()  # exchanged between the look and the move; moved across file systems it was copied
        return _copy(file, target)


def check(path: Path) -> os.stat_result:
    """What `take_in` would refuse is refused, and nothing is taken. Returns what the system says of the file."""
    with _open(path) as file:
        _checked_size(file.fileno(), path)
        return os.fstat(file.fileno())


def files_in(folder: Path) -> list[tuple[Path, str]]:
    """The files of a folder, and of those in it, that can be read by their names, sorted; each with its name there.

    Of a folder that `datasets` has saved these are its shards. Hidden files, and files about the data such as a README
    beside others, are passed over. Raises NotFoundError when there are none, RefusedError for a link that leads out of
    the folder, more than a thousand files, or more bytes than may be uploaded.
    """
    root = folder.resolve()
    if root == Path("/") or any(root.is_relative_to(system) for system in SYSTEM_FOLDERS):
        raise RefusedError(f"`{root}` belongs to the system.", "Choose a folder with training data.")
    readable: list[Path] = []
    for place, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inside = [Path(place, name) for name in files if not name.startswith(".")]
        for path in (*inside, *(Path(place, name) for name in folders)):
            _refuse_way_out(path, root)
        readable += [path for path in inside if choose.readable(path.name) and path.is_file() and not path.is_symlink()]
        if len(readable) > MOST_FILES:
            raise RefusedError(f"`{folder.name}` holds more than {MOST_FILES} files.", "Put their rows into fewer.")
    if not readable:
        raise NotFoundError(f"`{folder.name}` holds no file that can be read.", choose.READABLE_HINT)
    readable = _with_rows(readable)
    _check_bytes(sum(path.stat().st_size for path in readable), f"`{folder.name}`")
    return sorted((path, path.relative_to(root).as_posix()) for path in readable)


def _with_rows(paths: list[Path]) -> list[Path]:
    """Without the files that tell about the others, unless there are no others."""
    shards = {folder: _shards(folder) for folder in {path.parent for path in paths}}
    kept = [path for path in paths if path.name in shards[path.parent] or not shards[path.parent]]
    return [path for path in kept if not hub_files.is_aside(path.name)] or kept


def _shards(folder: Path) -> set[str]:
    """The files with the rows of a dataset that `datasets` has saved there; none in any other folder."""
    note = folder / STATE
    if not note.is_file() or note.is_symlink() or note.stat().st_size > MOST_STATE_BYTES:
        return set()
    try:
        entries = orjson.loads(note.read_bytes())["_data_files"]
        return {str(entry["filename"]) for entry in entries}
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return set()


def _refuse_way_out(path: Path, root: Path) -> None:
    if path.is_symlink() and not _leads_into(path, root):
        raise RefusedError(f"`{path.name[:100]}` is a link out of the folder.", "Put the file itself there.")


def _leads_into(link: Path, root: Path) -> bool:
    try:
        return link.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a loop
        return False


def _open(path: Path) -> IO[bytes]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no file `{path.name[:100]}`.", "Check the path.") from error
    except ValueError as error:
        raise RefusedError("The path holds a NUL character.", "Check the path.") from error
    except OSError as error:
        if path.is_symlink():
            hint = "Give the path that the link leads to."
            raise RefusedError(f"`{path.name[:100]}` is a link, not a file.", hint) from error
        raise RefusedError(f"`{path.name[:100]}` cannot be opened: {error.strerror}.", "Check the path.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise RefusedError(f"`{path.name}` is not a file.", "Choose a file, not a folder, link, pipe or device.")
    return os.fdopen(descriptor, "rb")


def _checked_size(descriptor: int, path: Path) -> int:
    real = path.resolve()
    if any(real.is_relative_to(folder) for folder in SYSTEM_FOLDERS):
        raise RefusedError(f"`{path.name}` belongs to the system.", "Choose a file with training data.")
    if home.contains(path) and not _is_upload(path):
        raise RefusedError(f"`{path.name}` belongs to the studio itself.", "Choose a file outside the studio's home.")
    size = os.fstat(descriptor).st_size
    _check_bytes(size, "The file")
    return size


def _check_bytes(size: int, what: str) -> None:
    most = settings.settings().max_upload_gb * 1e9
    if size > most:
        raise RefusedError(
            f"{what} has {sizes.in_words(size)}; at most {sizes.in_words(most)} are taken.",
            "Split the file, or raise TUNESMITH_MAX_UPLOAD_GB.",
        )


def _is_upload(path: Path) -> bool:
    real = path.resolve()
    return any(real.is_relative_to(folder.resolve()) for folder in (home.uploads(), home.gradio_cache()))


def _copy(file: IO[bytes], target: Path) -> int:
    part = target.with_name(target.name + ".part")
    try:
        with part.open("xb") as copy:
            shutil.copyfileobj(file, copy, COPY_BYTES)
            size = copy.tell()
    except OSError as error:
        part.unlink(missing_ok=True)
        raise TunesmithError(f"The file could not be copied: {error.strerror}.", "Free some disk space.") from error
    part.replace(target)
    return size
