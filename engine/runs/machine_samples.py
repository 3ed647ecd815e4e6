"""What the machine does while a run trains: read from what the sampler leaves, kept as metrics `machine/...`.

Each point stands at the step the training was at; where several fall on one step, the last one stays.
"""

import sys
from dataclasses import asdict
from pathlib import Path

from engine.process import devices
from engine.process.meter import samples
from storage import db, runs
from storage.tables import Run, RunFacts

SAMPLER = "engine.process.meter.sampler"
PREFIX = "machine/"


def sampler_command(folder: Path, device: str) -> tuple[str, ...]:
    """The program that looks at the machine beside the worker: at no other cards than those of the run."""
    cards = () if device == devices.CPU else tuple(name.partition(":")[2] for name in devices.parts(device))
    return (sys.executable, "-m", SAMPLER, str(folder), *cards)


def take_in(run: Run, folder: Path, is_over: bool = False) -> None:
    """Keeps what was written since the last time: points as metrics, totals as a fact. Twice changes nothing."""
    lines, offset = samples.read(folder, run.samples_offset)
    if offset == run.samples_offset and not is_over:
        return
    now = samples.latest(folder)
    totals = asdict(now.totals) if now else run.facts.machine
    if (offset, totals) == (run.samples_offset, run.facts.machine):
        return
    with db.session() as session:
        row = session.get(Run, run.id, with_for_update=True)
        if row is None or row.samples_offset != run.samples_offset:
            return
        points = [(run.id, PREFIX + name, line.step, value) for line in lines for name, value in line.values.items()]
        runs.add_metrics(session, points)
        row.samples_offset = offset
        row.facts = row.facts.merged(RunFacts(machine=totals))
