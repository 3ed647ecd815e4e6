"""The code itself, run as `python main.py` runs it: its own folder first, its own __main__, its own tracebacks."""

import importlib
import os
import site
import sys
from collections.abc import Sequence
from types import ModuleType

from engine.sandbox.inside import plots


def run(entry: str, packages: Sequence[str]) -> None:
    """Runs the file `entry` of this folder, as main program. Raises SystemExit with what it ends with.

    `packages` are folders of installed packages, which come after the standard library.
    """
    with open(entry, "rb") as file:
        text = file.read()
    sys.argv = [entry]
    sys.path[:0] = [os.getcwd()]
    sys.path += packages
    _forget_studio()
    site.setquit()
    site.sethelper()
    plots.watch_imports()
    main = ModuleType("__main__")
    main.__dict__.update(__file__=os.path.abspath(entry), __builtins__=__builtins__)
    sys.modules["__main__"] = main
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    try:
        exec(compile(text, entry, "exec"), main.__dict__)  # noqa: S102  (what the sandbox is for)
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001  (the end of the program, told as Python tells it)
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next  # without this function's line
        sys.excepthook(type(error), error, error.__traceback__)
        raise SystemExit(1) from None
    finally:
        plots.save_open()


def _forget_studio() -> None:
    """The studio's own code is no module of the program's."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "engine"]:
        del sys.modules[name]
    importlib.invalidate_caches()
