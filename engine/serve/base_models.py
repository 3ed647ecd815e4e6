"""A base model served as it is, so that it can be asked before any training, or without one."""

from engine.existing import existing
from engine.serve import endpoints
from engine.serve.waking import sleeping
from engine.subjects import free_names
from storage import db
from storage import endpoints as stored
from storage.statuses import EndpointStatus
from storage.tables import DEFAULT_PROJECT, Endpoint, Model


def serve_model(model_id: str, project_id: str = DEFAULT_PROJECT) -> Endpoint:
    """An endpoint for the model alone: the one that is there, woken, or a new one of the model's name.

    Raises NotFoundError, RefusedError or ConflictError for a model that cannot be served now.
    """
    with db.reading() as session:
        existing(session, Model, model_id)
        routes = stored.live(session)
    for endpoint, backend in routes:
        if (backend.model_id, backend.adapters) == (model_id, []) and backend.status != EndpointStatus.FAILED:
            return sleeping.wake(endpoint.id) if endpoint.asleep_at else endpoint
    return endpoints.create_endpoint(free_names.of_model(model_id), model_id=model_id, project_id=project_id)
