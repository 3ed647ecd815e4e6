"""Gradio without pandas, which it imports to recognise tables in what functions return. No page has any.

Pandas took a tenth of what the studio's start takes, and 30 MB for as long as it runs. Here a stand-in takes its place
while Gradio is imported. Whoever then asks Gradio for something of pandas gets it, imported in that moment.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

NAME = "pandas"


class StandIn(ModuleType):
    """Looks like pandas; imports it for the first attribute that is asked for."""

    def __getattr__(self, attribute: str) -> Any:
        if sys.modules.get(NAME) is self:
            del sys.modules[NAME]
        return getattr(import_module(NAME), attribute)


@contextmanager
def postponed() -> Iterator[None]:
    """For the block that imports Gradio. Nothing is different where pandas is there already."""
    if NAME in sys.modules:
        yield
        return
    stand_in = sys.modules[NAME] = StandIn(NAME)
    try:
        yield
    finally:
        if sys.modules.get(NAME) is stand_in:
            del sys.modules[NAME]
