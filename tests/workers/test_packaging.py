"""A worker that asks for pip stays a process that can compile an extension."""

import subprocess
import sys

ASKS = """
from engine.workers import packaging
assert packaging.has_pip()
import setuptools, distutils.core
print(distutils.core.__file__)
"""


def test_looking_for_pip_leaves_setuptools_whole() -> None:
    done = subprocess.run([sys.executable, "-c", ASKS], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "setuptools" in done.stdout
