"""Runs a file as `python FILE` does: `python -m tests.workers.script.execute FILE`, in a warm process."""

import runpy
import sys

if __name__ == "__main__":
    runpy.run_path(sys.argv[1], run_name="__main__")
