"""Makes the rows again that the database has lost, from the folders alone. What is there already is not touched.

What lives in the database alone cannot come back: `LOST` says it. Not beside a running studio, which may be deleting a
folder whose row is gone already.
"""

from engine.registry import endpoint_files, kept_sweeps, manifests
from engine.registry.repair import endpoints, registry, runs, sources, sweeps
from engine.registry.repair.rows import Outcome
from storage import db

LOST = (
    "Chats, snippets, API keys, usage, benchmarks, evaluations, and exports that no version holds are kept in the "
    "database alone: they cannot be made again. A run has lost the log of its states. "
    "Endpoints come back stopped: start them again."
)


def repair() -> Outcome:
    """Models and datasets first, then the runs that need them, then the rest. Raises what the database raises."""
    db.prepare()
    outcome = Outcome()
    sources.models(outcome)
    sources.datasets(outcome)
    runs.rebuild(outcome)
    sweeps.rebuild(outcome)
    registry.rebuild(outcome)
    endpoints.rebuild(outcome)
    manifests.keep_up()
    kept_sweeps.keep_up()
    endpoint_files.keep_up()
    return outcome
