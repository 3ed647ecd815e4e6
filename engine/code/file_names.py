"""Names of files: those of people are checked, those of models are cleaned. None leads out of a folder."""

import unicodedata

from engine import hidden
from engine.errors import RefusedError
from engine.sizes import in_words

MOST_FILES = 50
MOST_BYTES = 1_000_000  # of all files together, in UTF-8
LONGEST_NAME, LONGEST_PART, DEEPEST = 120, 100, 6  # bytes, characters, folders
_SIGNS = frozenset("._-+@=,() ")
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})


def problem(name: str) -> str:
    """Why a file cannot be called so; empty when it can: a path of plain parts, such as `app/main.py`."""
    if not name or len(name.encode("utf-8", "replace")) > LONGEST_NAME:
        return f"a name has 1 to {LONGEST_NAME} bytes"
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
    cleaned_name = _ending("/".join([part for part in parts if part][-DEEPEST:]))
    return cleaned_name if not problem(cleaned_name) else ""


def _ending(name: str) -> str:
    """The end of a name that is too long: it says what kind of file it is."""
    while len(name.encode()) > LONGEST_NAME:
        name = name[1:].lstrip(" ./")
    return name


def _clean_part(part: str) -> str:
    kept = "".join(letter for letter in part if letter.isalnum() or letter in _SIGNS or unicodedata.combining(letter))
    kept = "".join(letter for letter in kept if not hidden.is_hidden(letter))[:LONGEST_PART].strip().rstrip(" .")
    return f"_{kept}" if kept.partition(".")[0].lower() in _DEVICES else kept


def free(name: str, taken: "dict[str, str]") -> str:
    """The name, or one with a number where it clashes with a file there is."""
    if _clashing({**taken, name: ""}) is None and name not in taken:
        return name
    stem, _, ending = name.replace("/", "_").rpartition(".")
    stem, ending = (stem, f".{ending}") if stem else (ending, "")
    numbered = (f"{stem[:60]}_{number}{ending[:20]}" for number in range(2, len(taken) + 3))
    return next(tried for tried in numbered if tried not in taken and _clashing({**taken, tried: ""}) is None)
