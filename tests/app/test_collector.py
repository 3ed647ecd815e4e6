"""What the studio is made of is not searched for garbage, neither while it starts nor while it serves."""

import subprocess
import sys

from tests.project_map import ROOT

SERVED = """
import gc, os, weakref
from app.cli.serve import Options, serve

searched = []
gc.callbacks.append(lambda phase, info: searched.append(len(gc.get_objects())) if info["generation"] == 2 else None)


class Cycle:
    pass


def when_it_answers(line):
    cycle = Cycle()
    cycle.itself = cycle
    left = weakref.ref(cycle)
    del cycle
    assert gc.isenabled()
    assert gc.get_freeze_count() > 300_000, gc.get_freeze_count()
    gc.collect()
    assert left() is None, "what is made later is still found"
    assert max(searched) < gc.get_freeze_count() / 2, searched  # before, Gradio's objects were searched at each step
    print("as it should be", flush=True)
    os._exit(0)


serve(Options("127.0.0.1", 0, browser=False), when_it_answers)
"""


def test_what_a_start_has_made_is_never_searched() -> None:
    ended = subprocess.run([sys.executable, "-c", SERVED], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.stdout == "as it should be\n", ended.stderr
