"""What the machine does while a run trains: read from what the sampler leaves, kept as metrics `machine/...`.

Each point stands at the step the training was at; where several fall on one step, the last one stays.
"""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.process import devices
from engine.process.meter import samples
from engine.process.meter.samples import Line
from storage import db, runs
from storage.tables import Run, RunFacts

SAMPLER = "engine.process.meter.sampler"
PREFIX = "machine/"


def sampler_command(folder: Path, device: str) -> tuple[str, ...]:
    """The program that looks at the machine beside the worker: at no other cards than those of the run."""
    cards = () if device == devices.CPU else tuple(name.partition(":")[2] for name in devices.parts(device))
    return (sys.executable, "-m", SAMPLER, str(folder), *cards)


def take_in(run: Run, folder: Path, is_over: bool = False) -> None:
    """Keeps what was written since the last time: points as metrics, totals as a fact. Twice changes nothing.

    When it `is_over`, totals that no line has told are kept too: those of a sampler that was killed.
    """
    offset = run.samples_offset
    lines, end = samples.read(folder, offset)
    while end != offset:
        if not _keep(run.id, lines, (offset, end), _totals(folder)):
            return
        offset = end
        lines, end = samples.read(folder, offset)
    if is_over and (totals := _totals(folder)) not in (None, run.facts.machine):
        _keep(run.id, [], (offset, offset), totals)


def _totals(folder: Path) -> dict[str, Any] | None:
    now = samples.latest(folder)
    return asdict(now.totals) if now else None


def _keep(run_id: str, lines: list[Line], read: tuple[int, int], totals: dict[str, Any] | None) -> bool:
    """Keeps lines from one byte offset to another; False when somebody else was faster."""
    with db.session() as session:
        row = session.get(Run, run_id, with_for_update=True)
        if row is None or row.samples_offset != read[0]:
            return False
        points = [(run_id, PREFIX + name, line.step, value) for line in lines for name, value in line.values.items()]
        runs.add_metrics(session, points)
        row.samples_offset = read[1]
        if totals is not None:
            row.facts = row.facts.merged(RunFacts(machine=totals))
    return True
