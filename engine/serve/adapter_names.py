"""Which public names an endpoint has, and what each leads to. Pure: lists of texts in, lists and names out.

`Backend.adapters` says what is served, an entry a line:

    RUN            the result of a run; answers to ENDPOINT:RUN
    RUN@STEP       one of its checkpoints; answers to ENDPOINT:RUN@STEP
    ALIAS=RUN@STEP the same, and answers to ENDPOINT:ALIAS too
    base           the base model; only in the first place

The first entry also answers to the endpoint's own name; without any the base does. An adapter is loaded once, however
many names it has.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.errors import ConflictError, NotFoundError, RefusedError

BASE = "base"
MOST_ADAPTERS = 64
HOW = "Write RUN for what a run has trained, RUN@STEP for one of its checkpoints, NAME=RUN to give it another name."
NAME_HINT = "Use at most 48 of a-z, 0-9 and -."

_ENTRY = re.compile(
    r"(?:(?P<alias>[^=\s]{1,120})=)?(?:run:)?(?P<run>[0-9a-z-]{1,64})(?:@(?P<step>[0-9]{1,12}))?", re.ASCII
)
_ALIAS = re.compile(r"[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """One adapter that is served, or BASE, and the name it was given."""

    subject: str  # RUN or RUN@STEP
    alias: str | None = None

    def __str__(self) -> str:
        return f"{self.alias}={self.subject}" if self.alias else self.subject

    @property
    def run_id(self) -> str:
        return self.subject.partition("@")[0]


def subject(run_id: str, step: int | None) -> str:
    return run_id if step is None else f"{run_id}@{step}"


def entries(adapters: Sequence[str]) -> list[Entry]:
    """What is written in a backend's row, or asked for. Raises RefusedError for what cannot be served so."""
    parsed = list(dict.fromkeys(map(_entry, adapters)))
    if any(entry.subject == BASE for entry in parsed[1:]):
        raise RefusedError(
            "`base` is among the adapters, but not first.",
            "In the first place it keeps the endpoint's own name for the base model; it always has a name of its own.",
        )
    aliases, subjects = [entry.alias for entry in parsed if entry.alias], {entry.subject for entry in parsed}
    for alias in aliases:
        if alias in subjects or aliases.count(alias) > 1:
            raise RefusedError(f"The name `{alias}` stands for two adapters.", "Give each a name of its own.")
    if len(subjects - {BASE}) > MOST_ADAPTERS:
        raise RefusedError(
            f"{len(subjects - {BASE})} adapters are too many.", f"Serve at most {MOST_ADAPTERS} at once."
        )
    return parsed


def _entry(text: str) -> Entry:
    match = _ENTRY.fullmatch(text.strip())
    if match is None:
        raise RefusedError(f"`{text.strip():.80}` is not an adapter.", HOW)
    step = match["step"]
    return Entry(subject(match["run"], None if step is None else int(step)), _checked_alias(match["alias"]))


def _checked_alias(alias: str | None) -> str | None:
    if alias is not None and (alias == BASE or not _ALIAS.fullmatch(alias)):
        hint = "`base` always is the base model. Choose another name." if alias == BASE else NAME_HINT
        raise RefusedError(f"`{alias:.60}` cannot be the name of an adapter.", hint)
    return alias


def written(parsed: Sequence[Entry]) -> list[str]:
    """The entries as a backend's row holds them; an endpoint of the base alone has none."""
    return [] if [entry.subject for entry in parsed] == [BASE] else [str(entry) for entry in parsed]


def run_ids(adapters: Sequence[str]) -> list[str]:
    """The runs whose weights a backend serves."""
    served = (entry.run_id for entry in entries(adapters) if entry.subject != BASE)
    return list(dict.fromkeys(served))


def subjects(adapters: Sequence[str]) -> list[str]:
    """What is to be loaded, each once."""
    return list(dict.fromkeys(entry.subject for entry in entries(adapters) if entry.subject != BASE))


def public(endpoint: str, adapters: Sequence[str]) -> dict[str, str]:
    """Each public name of an endpoint and what it leads to, a subject or BASE. Its own name is first."""
    parsed = entries(adapters)
    named = {endpoint: parsed[0].subject if parsed else BASE, f"{endpoint}:{BASE}": BASE}
    served = [entry for entry in parsed if entry.subject != BASE]
    named |= {f"{endpoint}:{entry.subject}": entry.subject for entry in served}
    return named | {f"{endpoint}:{entry.alias}": entry.subject for entry in served if entry.alias}


def names_of(endpoint: str, adapters: Sequence[str], subject: str) -> list[str]:
    """The public names that lead to one subject."""
    return [name for name, target in public(endpoint, adapters).items() if target == subject]


def short(endpoint: str, name: str | None) -> str | None:
    """A name as it was given: ALIAS, ENDPOINT:ALIAS, or the endpoint's own; the own name comes back as it is."""
    given = (name or "").strip()
    return given.removeprefix(f"{endpoint}:") or None


def added(endpoint: str, adapters: Sequence[str], subject: str, name: str | None = None) -> list[str]:
    """The list with one more adapter, which takes over `name` (ALIAS, ENDPOINT:ALIAS or the endpoint's own name).

    What had the name loses it, and is served no more if it was served under that name alone. Without a name nothing
    else changes: the adapter answers to ENDPOINT:SUBJECT. Raises RefusedError.
    """
    parsed, given = entries(adapters) or [Entry(BASE)], short(endpoint, name)
    if given == endpoint:
        if parsed[0].subject == subject:
            return written(parsed)
        kept = parsed[:1] if parsed[0].alias else []  # it still has a name that was given
        rest = [entry for entry in parsed[1:] if entry != Entry(subject)]
        return written([Entry(subject), *kept, *rest])
    if given is None or given == subject:
        return written(entries([*map(str, parsed), str(Entry(subject))] if _is_new(parsed, subject) else adapters))
    return written(entries([str(entry) for entry in _with_alias(parsed, subject, given)]))


def _is_new(parsed: Sequence[Entry], subject: str) -> bool:
    return all(entry.subject != subject for entry in parsed)


def _with_alias(parsed: Sequence[Entry], subject: str, alias: str) -> list[Entry]:
    first, *rest = parsed
    if first.alias == alias:
        first = replace(first, alias=None)  # the endpoint's own name stays with it
    if first.subject == subject and first.alias is None:
        return [replace(first, alias=alias), *(entry for entry in rest if entry.alias != alias)]
    place = next((place for place, entry in enumerate(rest) if entry.alias == alias), len(rest))
    return [first, *rest[:place], Entry(subject, alias), *rest[place + 1 :]]


def removed(endpoint: str, adapters: Sequence[str], name: str) -> list[str]:
    """The list without an adapter, named by its subject, or without one name of it, if it was given several.

    Where it answered to the endpoint's own name, the base does so from now on. Raises NotFoundError.
    """
    parsed, given = entries(adapters), short(endpoint, name.removeprefix("run:"))
    if given == endpoint:
        given = parsed[0].subject if parsed else None
    gone = [entry for entry in parsed if given in (entry.subject, entry.alias) and entry.subject != BASE]
    if not gone:
        served = ", ".join(f"`{entry.alias or entry.subject}`" for entry in parsed if entry.subject != BASE)
        hint = f"It serves: {served}." if served else "It serves its base model alone."
        raise NotFoundError(f"Endpoint `{endpoint}` has no adapter `{name:.80}`.", hint)
    kept = [entry for entry in parsed if entry not in gone]
    return written([Entry(BASE), *kept] if parsed[0] in gone else kept)


def refuse_lost_race(endpoint: str, name: str, before: str | None, now: str | None) -> None:
    """Compare-and-set: raises ConflictError when `name` leads elsewhere than when it was looked up."""
    if before != now:
        raise ConflictError(f"`{name}` of endpoint `{endpoint}` was changed by somebody else.", "Look, and try again.")
