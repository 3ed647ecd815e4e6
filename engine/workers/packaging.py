"""What two workers ask of pip, the program that fetches for them."""

import importlib.metadata
import re
from importlib.machinery import PathFinder

_RAW_PROGRESS_SINCE = (24, 1)  # the pip that first printed `Progress 123 of 456`
PROGRESS = re.compile(r"^Progress (\d+) of (\d+)")  # one such line: bytes so far, bytes in all


def has_pip() -> bool:
    """Whether `python -m pip` has something to run.

    Looked for on the path alone: setuptools' import hook takes a search for pip by `find_spec` as a sign that this
    process is pip, and from then on refuses torch's compiler of extensions its distutils.
    """
    return PathFinder.find_spec("pip") is not None


def progress_bar() -> str:
    """The value of `--progress-bar` by which this pip can be followed: "raw", or "off" for one too old for it."""
    version = tuple(int(number) for number in importlib.metadata.version("pip").split(".")[:2])
    return "raw" if version >= _RAW_PROGRESS_SINCE else "off"
