"""A study of Optuna in a file of SQLite."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL, event

from engine.sweeps.study import Study, Trial
from engine.workers.sweeps import optuna_study

REPORTED = 20  # trials between two words on how far it is; each takes Optuna some 20 ms


def write(path: Path, name: str, study: Study, report: Callable[[int, int], None]) -> int:
    """Writes the finished trials of the search and says how many. Raises what SQLite does, such as a full disk."""
    with optuna_study.quiet():
        storage = RDBStorage(URL.create("sqlite", database=str(path)).render_as_string())
        event.listen(storage.engine, "connect", _hasten)
        storage.engine.dispose()
        made = optuna.create_study(study_name=name, storage=storage, directions=list(study.directions))
        spread = optuna_study.distributions(study)
        ended = [trial for trial in optuna_study.told(study) if trial.state != "running" and trial.phase == "search"]
        for done, trial in enumerate(ended):
            if done % REPORTED == 0:
                report(done, len(ended))
            made.add_trial(_stored(trial, optuna_study.frozen(trial, spread, {})))
        storage.engine.dispose()
    return len(ended)


def _stored(trial: Trial, frozen: FrozenTrial) -> FrozenTrial:
    """With its real times and steps, and what Optuna has no place for: our number, the run, why it ended."""
    if trial.state == "refused":
        frozen.state = TrialState.FAIL
    frozen.intermediate_values = dict(trial.steps)
    frozen.datetime_start = _moment(trial.started_at) or frozen.datetime_start
    frozen.datetime_complete = _moment(trial.ended_at) or frozen.datetime_complete
    known: dict[str, Any] = {"number": trial.number, "state": trial.state, "run": trial.run_id}
    known |= {"reason": trial.reason or None, "tokens": trial.tokens}
    frozen.user_attrs = {key: value for key, value in known.items() if value is not None}
    return frozen


def _moment(seconds: float | None) -> datetime | None:
    """Local time without a zone, as Optuna keeps it."""
    return None if seconds is None else datetime.fromtimestamp(seconds)


def _hasten(connection: Any, _record: Any) -> None:
    """Nobody else sees the file before it is whole, so the disk need not follow each row."""
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA journal_mode=MEMORY")
