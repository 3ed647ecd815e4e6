"""What the database knows of a sweep, kept in sweeps/ID/row.json: the sweep, its trials, what people picked.

From it and from the runs `repair` makes the sweep again. Written like engine.registry.manifests, by the same thread,
within twenty seconds: of what moves whenever a trial did, of what is over when it is gone on with or picked from.
"""

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlmodel import SQLModel

from engine.process import logs
from engine.registry import manifests
from storage import db, home
from storage.sweeps import kept, sweeps, trials
from storage.tables import Project

NOUN = "sweeps"
_seen: dict[str, str] = {}  # sweep -> signature of what was written in this process
_lock = threading.Lock()


def keep_up() -> None:
    """Writes the sweeps that are new or have changed since, some hundreds a round."""
    with _lock:
        with db.reading() as session:
            lines = [(line[0], _signature(line)) for line in kept.marks(session)]
        for sweep_id, signature in [line for line in lines if _seen.get(line[0]) != line[1]][: manifests.MOST_A_ROUND]:
            with logs.kept_going(NOUN, sweep_id):
                _write(sweep_id, signature)
            _seen[sweep_id] = signature


def folder(sweep_id: str) -> Path:
    return home.folder(NOUN, sweep_id)


def _signature(line: Sequence[Any]) -> str:
    return hashlib.sha256(repr([db.url(), *map(str, line)]).encode()).hexdigest()[:16]


def _write(sweep_id: str, signature: str) -> None:
    if manifests.signature(folder(sweep_id)) == signature:
        return
    with db.reading() as session:
        sweep = sweeps.get(session, sweep_id)
        if sweep is None:
            return
        project = session.get(Project, sweep.project_id)
        rows: dict[str, list[SQLModel]] = {
            "sweep": [sweep],
            "project": [project] if project else [],
            "trial": [*trials.of_sweep(session, sweep_id)],
            "trial_pick": [*trials.picks(session, sweep_id)],
        }
    manifests.write(folder(sweep_id), rows, signature)
