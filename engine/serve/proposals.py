"""What a backend would take for each option that nobody has set, for this machine and model: shown in empty fields."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.errors import RefusedError
from engine.serve.backend_plan import artifact, ready_model
from storage import db, models, runs
from storage.tables import Model

Proposer = Callable[[Model, Sequence[Path]], Mapping[str, Any]]

# By kind of backend: called with the model and the folders of the chosen runs. It may raise RefusedError.
PROPOSERS: dict[str, Proposer] = {}


def of(kind: str, model_id: str | None, run_ids: Sequence[str] = ()) -> dict[str, Any]:
    """The proposed value of each option; empty where there is nobody to propose, or nothing to propose for."""
    proposer = PROPOSERS.get(kind)
    if proposer is None or not model_id:
        return {}
    try:
        with db.reading() as session:
            model = ready_model(models.get(session, model_id), model_id)
            folders = [artifact(runs.get(session, run_id), run_id) for run_id in run_ids]
        return {name: value for name, value in proposer(model, folders).items() if value is not None}
    except RefusedError:  # the form says it where it concerns somebody: when the endpoint is to start
        return {}
