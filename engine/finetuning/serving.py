"""What a job has trained, served when it is first asked for. It goes to sleep when nobody asks any more.

An endpoint of that name that a person has stopped stays stopped.
"""

import time

from engine.errors import ConflictError, NotFoundError
from engine.finetuning import names
from engine.serve import adapter_names, endpoints, routing
from engine.serve.routing import NotReadyError
from storage import db
from storage import endpoints as stored_endpoints
from storage import runs as stored_runs
from storage.openai import jobs as stored
from storage.statuses import RunStatus
from storage.tables import Endpoint, Run

IDLE_MINUTES = 30.0
RETRY_SECONDS = 30


def is_asked_for(model: str) -> bool:
    """Whether a request may be the first one for what a job has trained. Quick: asked of every request."""
    return model.startswith(names.PREFIX) and not routing.answers(model) and routing.route(model) is None


def begin(model: str) -> None:
    """Starts an endpoint for what a job has trained, or for one of its checkpoints; does nothing for other names.

    Raises NotFoundError while the job has left nothing, NotReadyError where nothing can be started now.
    """
    name, step = names.parts(model)
    with db.reading() as session:
        job = stored.by_model_name(session, name)
        run = stored_runs.get(session, job.run_id) if job is not None and job.run_id else None
        stopped = [row for row in stored_endpoints.named(session, model) if row.stopped_at is not None]
    if job is None:
        return
    if run is None or (step is None and not _has_result(run)):
        raise NotFoundError(f"The model `{model}` is not there: its job has not left it.", "GET /v1/fine_tuning/jobs.")
    if stopped:
        message = f"The endpoint `{model}` was stopped by a person."
        raise NotReadyError(message, "Start it again on the Serve page, or delete it there.", None)
    _create(model, run, step)


def _has_result(run: Run) -> bool:
    return run.status == RunStatus.SUCCEEDED and bool(run.artifact)


def _create(name: str, run: Run, step: int | None) -> None:
    """Requests wait for it from its first moment on, that of another client in the same instant too."""
    endpoint = Endpoint(project_id=run.project_id, name=name, idle_minutes=IDLE_MINUTES)
    endpoint.waits_since = endpoint.last_used_at = time.time()
    try:
        backend = endpoints.new_backend("transformers", run.model_id, [adapter_names.subject(run.id, step)], None)
        endpoints.bring_up(endpoint, backend)
    except ConflictError as error:
        with db.reading() as session:
            if stored_endpoints.live_by_name(session, name) is not None:
                return routing.forget()  # another request was quicker
        raise NotReadyError(error.message, error.hint, RETRY_SECONDS) from error


def offered() -> list[dict[str, object]]:
    """What jobs have left and no endpoint serves yet, as GET /v1/models lists it."""
    with db.reading() as session:
        rows = stored.offered(session)
    return [
        {"id": name, "object": "model", "created": int(created_at), "owned_by": "tunesmith"}
        for name, created_at in rows
        if routing.route(name) is None
    ]
