"""Regular expressions of a recipe, on answers that nobody has seen before: none of them can hang a training.

RE2 takes a time that grows with the answer and no faster. What it does not know (looking around, references back) is
left to Python's own, which may take longer than the universe; it gets a second, and then counts as not found.
"""

import re
from collections.abc import Callable
from typing import TypeVar

import re2

from engine.workers import limits

SECONDS = 1.0  # of the processor, for one answer
NEVER_KILLED = 3600.0

T = TypeVar("T")
Search = Callable[[str], re.Match[str] | None]


def search(pattern: str) -> Search:
    """What finds the pattern somewhere in a text. Raises re.error for one that neither RE2 nor Python can read."""
    options = re2.Options()
    options.log_errors = False
    try:
        finder: Search = re2.compile(pattern, options).search
    except (re2.error, UnicodeEncodeError):  # the latter for halves of a character, which JSON can hold
        python_pattern = re.compile(pattern)
        return lambda text: in_time(lambda: python_pattern.search(text))
    return finder


def groups(pattern: str) -> int:
    """How many groups it has."""
    return re.compile(pattern).groups


def in_time(look: Callable[[], T]) -> T | None:
    """What `look` finds within a second; None when it takes longer."""
    try:
        with limits.cpu_time(SECONDS, NEVER_KILLED):
            return look()
    except limits.TemplateOverrunError:
        return None
