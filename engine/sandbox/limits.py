"""What code in a sandbox may take, and what is told of it afterwards."""

from dataclasses import dataclass, field

LONGEST_SECONDS = 30.0
OPEN_FILES = 128


@dataclass(frozen=True)
class Limits:
    """For one run. Seconds by the clock count from the first line of the code, not from the start of the sandbox."""

    wall_seconds: float = 10.0
    cpu_seconds: int = 30  # of each process; all of them together have the clock
    memory_bytes: int = 512_000_000  # of all its processes together
    processes: int = 32  # threads count too
    file_bytes: int = 10_000_000  # of one file; all together may have MOST_LEFT_BYTES
    output_bytes: int = 1_000_000  # of stdout and stderr together; what comes after is thrown away
    nice: int = 7  # the studio and its trainings come first


@dataclass(frozen=True)
class Result:
    """How a run ended."""

    stdout: str
    stderr: str
    exit: int | None  # as a shell says it: 128 and the signal's number; None when it was ended for a limit
    seconds: float
    memory_bytes: int  # the peak: of its largest process, or of all together where that was more
    timed_out: bool
    contained_by: str
    cut: bool  # there was more output than `stdout` and `stderr` have
    files: dict[str, bytes] = field(default_factory=dict)  # what it wrote: names with folders, such as out/a.csv
    ended_for: str = ""  # the limit for which it was ended, in words
