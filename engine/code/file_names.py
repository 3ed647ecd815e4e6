"""Names of files: those of people are checked, those of models are cleaned. None leads out of a folder."""

import unicodedata

from engine.code import hidden
from engine.errors import RefusedError
from engine.sizes import in_words

MOST_FILES = 50
MOST_BYTES = 1_000_000  # of all files together, in UTF-8
LONGEST_NAME, LONGEST_PART, DEEPEST = 200, 100, 6
_SIGNS = frozenset("._-+@=,() ")
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})


def problem(name: str) -> str:
    """Why a file cannot be called so; empty when it can: a path of plain parts, such as `app/main.py`."""
    if not name or len(name) > LONGEST_NAME:
        return f"a name has 1 to {LONGEST_NAME} characters"
    if any(hidden.is_hidden(letter) or not letter.isprintable() for letter in name):
        return "a name has no characters that cannot be seen"
    parts = name.split("/")
    if len(parts) > DEEPEST:
        return f"at most {DEEPEST} folders deep"
    return next((reason for part in parts if (reason := _wrong_part(part))), "")


def _wrong_part(part: str) -> str:
    if part in ("", ".", ".."):
        return "it must be a path inside the folder, without `..`"
    if len(part) > LONGEST_PART or part != part.strip() or part.endswith("."):
        return f"each part has at most {LONGEST_PART} characters and does not end in a space or a dot"
    if part.partition(".")[0].lower() in _DEVICES:
        return "Windows cannot have a file of that name"
    if not all(letter.isalnum() or letter in _SIGNS or unicodedata.combining(letter) for letter in part):
        return "use letters, digits and . _ - / only"
    return ""


def checked(files: "dict[str, str]") -> dict[str, str]:
    """A person's files, as they are. Raises RefusedError for a bad name, or for too many or too large ones."""
    if len(files) > MOST_FILES:
        raise RefusedError(f"There are {len(files)} files.", f"Use at most {MOST_FILES}.")
    for name, text in files.items():
        if reason := problem(name):
            raise RefusedError(f"{hidden.escaped(name)[:120]!r} cannot be the name of a file: {reason}.", "Rename it.")
        if hidden.storable(text) != text:
            raise RefusedError(f"`{name}` holds U+0000 or half a character.", "It is not a text file. Leave it out.")
    size = sum(len(text.encode()) for text in files.values())
    if size > MOST_BYTES:
        raise RefusedError(f"The files have {in_words(size)}.", f"Use at most {in_words(MOST_BYTES)} together.")
    if both := _clashing(files):
        raise RefusedError(f"`{both[0]}` and `{both[1]}` cannot be in one folder.", "Rename one of them.")
    return dict(files)


def _clashing(files: "dict[str, str]") -> tuple[str, str] | None:
    """Two names that are one on some systems, or a file that is also a folder."""
    seen: dict[str, str] = {}
    for name in files:
        if (other := seen.setdefault(_key(name), name)) != name:
            return other, name
    for name in files:
        parts = name.split("/")
        for depth in range(1, len(parts)):
            if other := seen.get(_key("/".join(parts[:depth])), ""):
                return other, name
    return None


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def cleaned(name: str) -> str:
    """A model's name for a file as one that leads nowhere else; empty when nothing is left of it."""
    name = unicodedata.normalize("NFC", name[: 4 * LONGEST_NAME]).replace("\\", "/")
    parts = [_clean_part(part) for part in name.split("/")]
    cleaned_name = "/".join([part for part in parts if part][-DEEPEST:])[-LONGEST_NAME:]
    return cleaned_name if not problem(cleaned_name) else ""


def _clean_part(part: str) -> str:
    kept = "".join(letter for letter in part if letter.isalnum() or letter in _SIGNS or unicodedata.combining(letter))
    kept = "".join(letter for letter in kept if not hidden.is_hidden(letter))[:LONGEST_PART].strip(" .")
    return f"_{kept}" if kept.partition(".")[0].lower() in _DEVICES else kept


def free(name: str, taken: "dict[str, str]") -> str:
    """The name, or one with a number where it clashes with a file there is. Raises RefusedError when all are taken."""
    stem, dot, ending = name.rpartition(".")
    for number in range(1, MOST_FILES + 2):
        tried = name if number == 1 else f"{stem or ending}_{number}{dot if stem else ''}{ending if stem else ''}"
        tried = tried if number < 2 or not problem(tried) else f"file_{number}"
        if _clashing({**taken, tried: ""}) is None and tried not in taken:
            return tried
    raise RefusedError(f"There are too many files called `{name}`.", "Ask for fewer files.")
