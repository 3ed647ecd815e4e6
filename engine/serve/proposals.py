"""What a backend would take for each option that nobody has set, for this machine and model: shown in empty fields."""

from collections.abc import Sequence
from typing import Any

from engine.errors import RefusedError
from engine.serve import adapter_files
from engine.serve.backend_plan import ready_model
from engine.serve.vllm import start
from storage import db, models


def of(kind: str, model_id: str | None, run_ids: Sequence[str] = ()) -> dict[str, Any]:
    """The proposed value of each option; empty where there is nobody to propose, or nothing to propose for."""
    if kind != "vllm" or not model_id:
        return {}
    try:
        with db.reading() as session:
            model = ready_model(models.get(session, model_id), model_id)
        folders = [adapter_files.to_serve(run_id, kind).folder for run_id in run_ids]
        return {name: value for name, value in start.proposed(model, folders).items() if value is not None}
    except RefusedError:  # the form says it where it concerns somebody: when the endpoint is to start
        return {}
