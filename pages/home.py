"""Home: the first lesson, then what is running and what was done last."""

from pages.parts import live

SLUG, TITLE, SUBTITLE, KEY, ICON = "", "Home", "What is going on in this studio", "h", "home"


def page() -> None:
    """Live from top to bottom."""


FRAGMENTS: dict[str, live.Fragment] = {}
