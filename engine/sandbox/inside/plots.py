"""Plots become pictures: what matplotlib would show in a window is saved as PNG beside the program.

matplotlib is not imported here. When the program imports it, `plt.show` is replaced, and at the end the figures that
are still open are saved, except those that the program has saved itself.
"""

import importlib.machinery
import importlib.util
import os
import sys
from types import ModuleType
from typing import Any

PYPLOT, FIGURE = "matplotlib.pyplot", "matplotlib.figure"
MOST = 20

_saved = 0


class Finder:
    """Asked by Python's import for each module: lets the real one load, then changes `show` and `savefig`."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name not in CHANGES:
            return None
        change = CHANGES.pop(name)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_change(module: ModuleType) -> None:
                load(module)
                change(module)

            spec.loader.exec_module = load_and_change  # type: ignore[method-assign]
        return spec


def _change_pyplot(module: Any) -> None:
    module.show = show


def _change_figure(module: Any) -> None:
    save = module.Figure.savefig

    def savefig(figure: Any, file: Any, *arguments: Any, **options: Any) -> None:
        save(figure, file, *arguments, **options)
        figure.tunesmith_saved = isinstance(file, str | os.PathLike)

    module.Figure.savefig = savefig


CHANGES = {PYPLOT: _change_pyplot, FIGURE: _change_figure}


def show(*_: Any, **__: Any) -> None:
    """Saves the open figures as plot-1.png, plot-2.png ... and closes them, as a window would be closed."""
    save_open()
    sys.modules[PYPLOT].close("all")


def save_open() -> None:
    """Saves the open figures; nothing when the program has not plotted."""
    global _saved
    pyplot: Any = sys.modules.get(PYPLOT)
    if not hasattr(pyplot, "get_fignums"):
        return
    for number in pyplot.get_fignums():
        figure = pyplot.figure(number)
        if _saved < MOST and not getattr(figure, "tunesmith_saved", False):
            _saved += 1
            figure.savefig(f"plot-{_saved}.png")


def watch_imports() -> None:
    sys.meta_path.insert(0, Finder())
