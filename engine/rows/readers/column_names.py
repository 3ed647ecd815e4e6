"""Names of columns that tell them apart: one that comes twice gets a number, one without a name that of its place."""

from collections.abc import Sequence


def told_apart(names: Sequence[str]) -> list[str]:
    """A name for each column: `text`, `text_2`, and `column 3` for one without."""
    taken: set[str] = {name for name in names if name}
    seen: set[str] = set()
    result = []
    for place, name in enumerate(names, 1):
        unique = name if name and name not in seen else _free(name or f"column {place}", taken, bool(name))
        seen.add(unique)
        taken.add(unique)
        result.append(unique)
    return result


def _free(name: str, taken: set[str], numbered: bool) -> str:
    number = 2
    candidate = f"{name}_{number}" if numbered else name
    while candidate in taken:
        candidate, number = f"{name}_{number + 1}" if numbered else f"{name}_{number}", number + 1
    return candidate


def duplicates_note(names: Sequence[str], result: Sequence[str]) -> list[str]:
    """What was told apart, in words."""
    changed = [(name, unique) for name, unique in zip(names, result, strict=True) if name and name != unique]
    return [f"The column `{name}` is there more than once; this one is called `{unique}`." for name, unique in changed]
