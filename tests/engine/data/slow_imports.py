"""The import worker with rows judged slowly enough to be killed in the middle, as a program of its own.

Every row but the first thousand, which are only looked at, takes a hundredth of a second. `PROCESSES` of them side by
side when the environment says so.
"""

PROGRAM = """
import os, time
from engine.rows.mapping import detection
from engine.workers import contract
from engine.workers.data import import_counts, import_files
fast = detection.judge
def slow(row, file_format):
    time.sleep(0.01)
    return fast(row, file_format)
detection.judge = slow
import_counts.PROGRESS_SECONDS = 0
import_files.JUDGED_ROWS = 10
def work(spec, out):
    return import_files.work({**spec, "processes": int(os.environ.get("SLOW_PROCESSES", "0"))}, out)
if __name__ == "__main__":
    contract.run(work)
"""
