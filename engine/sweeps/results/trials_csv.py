"""The trials of a sweep as CSV: a line a trial, a column a field."""

import csv
import io

from engine.sweeps.picture import Picture
from engine.sweeps.spec import Value

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


def trials_csv(picture: Picture) -> str:
    """Every trial, also those that were pruned, refused or failed. Times are in seconds since 1970."""
    metrics = [objective.metric for objective in picture.spec.objectives]
    fields = list(picture.spec.space)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["number", "state", "phase", "repeats_trial", "run", *metrics, *fields, "started_at", "ended_at",
                     "tokens", "reason"])  # fmt: skip
    for trial in picture.trials:
        values = list(trial.values or ()) + [None] * (len(metrics) - len(trial.values or ()))
        params = [_cell(trial.params.get(field)) for field in fields]
        times = (trial.started_at, trial.ended_at, trial.tokens)
        about = (trial.number, trial.state, trial.phase, trial.of, trial.run_id)
        writer.writerow([*about, *values, *params, *times, _cell(trial.reason)])
    return text.getvalue()


def _cell(value: Value) -> Value:
    """Words that a spreadsheet would take for a formula are made words by an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
