"""The import worker with rows judged slowly enough to be killed in the middle, as a program of its own.

Every row but the first thousand, which are only looked at, takes a hundredth of a second. `PROCESSES` of them side by
side when the environment says so.
"""

PROGRAM = """
import os, time
from engine.rows import formats
from engine.workers import contract, import_data, import_tally
fast = formats.judge
def slow(row, mostly):
    time.sleep(0.01)
    return fast(row, mostly)
formats.judge = slow
import_tally.PROGRESS_SECONDS = 0
import_data.JUDGED_ROWS = 10
def work(spec, out):
    return import_data.work({**spec, "processes": int(os.environ.get("SLOW_PROCESSES", "0"))}, out)
if __name__ == "__main__":
    contract.run(work)
"""
