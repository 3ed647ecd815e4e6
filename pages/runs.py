"""Runs: what trains now, what has trained, and how it went."""

from pages.parts import live

SLUG, TITLE, SUBTITLE, KEY, ICON = "runs", "Runs", "Every training, live and past", "r", "runs"


def page() -> None:
    """The table of runs, or one run in full."""


FRAGMENTS: dict[str, live.Fragment] = {}
