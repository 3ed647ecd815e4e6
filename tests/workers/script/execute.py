"""Runs files as `python FILE` does, one after the other: `python -m tests.workers.script.execute FILE...`.

For a warm process to begin with.
"""

import runpy
import sys

if __name__ == "__main__":
    for file in sys.argv[1:]:
        runpy.run_path(file, run_name="__main__")
