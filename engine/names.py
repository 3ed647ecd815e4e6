"""Names: those that people give to things, those that become a part of an address, and those of the hub.

It is ground: of the engine it knows only the errors.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Literal

from engine.errors import RefusedError

LONGEST = 120
ALIKE = 0.7  # of 1: what two names share, by difflib's ratio, to be taken for each other
MOST_TAGS, LONGEST_TAG, LONGEST_TAGS = 20, 40, 400  # the last: characters of all tags of a thing together
LONGEST_NOTE = 20_000
PROPOSED = 40  # characters of a name that is proposed as a part of an address: room for a number
_CONTROL = ("Cc", "Cs")

_IN_ADDRESS = re.compile(r"[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?")
_HUB_ADDRESS = re.compile(r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/")
_HUB_PART = r"\w(?:[\w.-]{0,94}\w)?"
_HUB_ID = re.compile(rf"(?P<owner>{_HUB_PART}/)?{_HUB_PART}", re.ASCII)


def composed(text: str) -> str:
    """One way to write each letter (NFC): a Mac names files in pieces, 한 as ㅎㅏㄴ, which look the same."""
    return unicodedata.normalize("NFC", text)


def checked(name: str, thing: str, longest: int = LONGEST) -> str:
    """The name with single spaces. Raises RefusedError when it is empty, too long or cannot be shown."""
    name = composed(" ".join(name.split()))
    hint = f"Use 1 to {longest} characters."
    if not name:
        raise RefusedError(f"The {thing} needs a name.", hint)
    if len(name) > longest or not name.isprintable():
        raise RefusedError(f"{name[:80]!r} cannot be the name of a {thing}.", hint)
    return name


def of_run(*subjects: str) -> str:
    """A run's name when nobody gave it one: of its model and its dataset, without their owners."""
    return " on ".join(subject.rpartition("/")[2] for subject in subjects)[:LONGEST] or "Run"


def checked_tags(tags: Sequence[str], thing: str) -> list[str]:
    """Each once, with single spaces. Raises RefusedError for too many, too long ones, or such as cannot be shown."""
    kept = list(dict.fromkeys(composed(" ".join(tag.split())) for tag in tags if tag.strip()))
    if bad := next((tag for tag in kept if len(tag) > LONGEST_TAG or not tag.isprintable() or "," in tag), None):
        hint = f"Use at most {LONGEST_TAG} characters that can be seen, and no comma."
        raise RefusedError(f"{bad[:60]!r} cannot be a tag.", hint)
    if len(kept) > MOST_TAGS or sum(map(len, kept)) > LONGEST_TAGS:
        hint = f"Use up to {MOST_TAGS} tags of {LONGEST_TAGS} characters together."
        raise RefusedError(f"{len(kept)} tags of {sum(map(len, kept))} characters are too many for a {thing}.", hint)
    return kept


def checked_note(note: str, called: str = "note", longest: int = LONGEST_NOTE) -> str:
    """Several lines with one kind of line end. Raises RefusedError when too long, or with control characters."""
    text = composed(note).replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > longest:
        raise RefusedError(f"A {called} of {len(text):,} characters is too long.", f"Use at most {longest:,}.")
    if bad := next(
        (letter for letter in text if letter not in "\n\t" and unicodedata.category(letter) in _CONTROL), ""
    ):
        raise RefusedError(f"The {called} has a control character ({bad!r}).", "Remove it.")
    return text


def in_address(name: str, thing: str) -> str:
    """The name as it is, if it can be a part of an address. Raises RefusedError."""
    if not name:
        raise RefusedError(f"The {thing} needs a name.", "Use at most 48 of a-z, 0-9 and -.")
    if not _IN_ADDRESS.fullmatch(name):
        raise RefusedError(f"`{name[:60]}` cannot be the name of the {thing}.", "Use at most 48 of a-z, 0-9 and -.")
    return name


def for_address(text: str, longest: int = PROPOSED) -> str:
    """A text as `in_address` takes it, letters without their marks. Empty where nothing of it is left."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    without_marks = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", "-", without_marks).strip("-")[:longest].strip("-")


def hub_id(text: str, thing: Literal["model", "dataset"], with_owner: bool = False) -> str:
    """The id of a model or dataset of the hub, from it or its address; what huggingface_hub takes passes, no other.

    `with_owner`: it is to be written to, so a short one such as `gpt2` does not do. Raises RefusedError.
    """
    given = text.strip()
    name = _HUB_ADDRESS.sub("", given, count=1)
    if thing == "dataset" and name != given:
        name = name.removeprefix("datasets/")
    name = name.strip("/")
    fits = _HUB_ID.fullmatch(name)
    if not fits or "--" in name or ".." in name or name.endswith(".git") or (with_owner and not fits["owner"]):
        raise RefusedError(f"{text!r:.120} is not the name of a {thing} on the hub.", "Write it as there: owner/name.")
    return name


def as_file(name: str, otherwise: str) -> str:
    """A name as a file can be called on any system: letters, digits, dots and dashes, not too long."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", ascii_name).strip("-._")[:80] or otherwise


def nearest(text: str, known: Iterable[str]) -> list[str]:
    """The up to three known names that are nearest to a text, or hold it, whatever their case."""
    by_small: dict[str, str] = {}
    for name in known:
        by_small.setdefault(name.casefold(), name)  # the first of several that differ in case
    small = text.strip().casefold()[:LONGEST]
    near = get_close_matches(small, by_small, n=3, cutoff=ALIKE)
    near += [name for name in by_small if len(small) > 2 and small in name and name not in near]
    return [by_small[name] for name in near[:3]]


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """A question with the known names that are nearest to a text; empty where none is near."""
    near = nearest(text, known)
    if not near:
        return ""
    *others, last = [f"`{name:.80}`" for name in near]
    return f"Did you mean {', '.join(others)}{' or ' if others else ''}{last}?"


def slug(title: str, otherwise: str, longest: int = 40) -> str:
    """A title as a part of an address: a-z, 0-9 and -; `otherwise` where nothing of it is left."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:longest].strip("-") or otherwise
