"""What differs between two versions, as a unified diff. Texts that would take difflib minutes are told as replaced."""

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping

MOST_PAIRS = 8_000_000  # of lines that are compared in one diff
MOST_EQUAL = 200_000  # of those, pairs that are the same: with both at their most it takes about a second
CONTEXT = 3  # lines around a change


def unified(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """The diff of all files, by name; empty when they are the same."""
    names = [*before, *(name for name in after if name not in before)]
    budget = _Budget()
    return "".join(line for name in names for line in _of_file(name, before.get(name), after.get(name), budget))


class _Budget:
    """How much may still be compared in this diff."""

    def __init__(self) -> None:
        self._pairs, self._equal = MOST_PAIRS, MOST_EQUAL

    def takes(self, old: list[str], new: list[str]) -> bool:
        """Whether two texts can still be compared line by line; what they take is then gone."""
        start, end = _same_ends(old, new)
        gone, come = Counter(old[start : len(old) - end]), Counter(new[start : len(new) - end])
        pairs = gone.total() * come.total()
        equal = sum(count * come[line] for line, count in gone.items())
        if pairs > self._pairs or equal > self._equal:
            return False
        self._pairs, self._equal = self._pairs - pairs, self._equal - equal
        return True


def _of_file(name: str, before: str | None, after: str | None, budget: _Budget) -> Iterator[str]:
    if before == after:
        return
    old, new = _lines(before or ""), _lines(after or "")
    heads = ("/dev/null" if before is None else f"a/{name}", "/dev/null" if after is None else f"b/{name}")
    diff = _quick if budget.takes(old, new) else _replaced
    for line in diff(old, new, *heads):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
    if not old and not new:  # an empty file came or went
        yield f"--- {heads[0]}\n+++ {heads[1]}\n"


def _lines(text: str) -> list[str]:
    """Lines end with a line feed only: code may hold the others."""
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _quick(old: list[str], new: list[str], old_head: str, new_head: str) -> Iterator[str]:
    """difflib on what differs alone: the same lines at both ends cost nothing."""
    start, end = _same_ends(old, new)
    first, last = max(0, start - CONTEXT), min(end, max(0, end - CONTEXT))
    yield from _moved(
        difflib.unified_diff(old[first : len(old) - last], new[first : len(new) - last], old_head, new_head, n=CONTEXT),
        first,
    )


def _replaced(old: list[str], new: list[str], old_head: str, new_head: str) -> Iterator[str]:
    """A true diff that is not the shortest: everything between the ends that are the same is taken out and put in."""
    start, end = _same_ends(old, new)
    gone, come = old[start : len(old) - end], new[start : len(new) - end]
    yield f"--- {old_head}\n"
    yield f"+++ {new_head}\n"
    yield f"@@ -{_range(start, len(gone))} +{_range(start, len(come))} @@\n"
    yield from (f"-{line}" for line in gone)
    yield from (f"+{line}" for line in come)


def _range(start: int, length: int) -> str:
    return f"{start + 1 if length else start},{length}"


def _same_ends(old: list[str], new: list[str]) -> tuple[int, int]:
    """How many lines are the same at the beginning, and how many at the end."""
    shorter = min(len(old), len(new))
    start = next((place for place in range(shorter) if old[place] != new[place]), shorter)
    rest = shorter - start
    end = next((place for place in range(rest) if old[-1 - place] != new[-1 - place]), rest)
    return start, end


def _moved(diff: Iterator[str], by: int) -> Iterator[str]:
    """The heads of hunks with line numbers of the whole file; difflib counted from where it was given one."""
    for number, line in enumerate(diff):
        if number >= 2 and line.startswith("@@ -") and by:
            _, old, new, _ = line.split(" ", 3)
            yield f"@@ -{_moved_range(old[1:], by)} +{_moved_range(new[1:], by)} @@\n"
        else:
            yield line


def _moved_range(text: str, by: int) -> str:
    start, comma, length = text.partition(",")
    return f"{int(start) + by}{comma}{length}"
