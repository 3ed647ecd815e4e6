"""What a model is used for: the runs that were trained on it, what they left, the endpoints that serve it."""

from dataclasses import dataclass
from pathlib import Path

from engine.errors import TunesmithError
from engine.weights import chat_template
from storage import db, endpoints, models
from storage.statuses import SERVING_KEPT, EndpointStatus
from storage.tables import Backend, Endpoint, Model, Run

MOST_LISTED = 200


@dataclass(frozen=True)
class Used:
    """Newest runs first; of the endpoints those that serve it now, or will at the next request."""

    runs: tuple[Run, ...]
    run_count: int  # with those that are not listed
    endpoints: tuple[tuple[Endpoint, Backend], ...]

    @property
    def results(self) -> tuple[Run, ...]:
        """The runs that have left an adapter, or a model of their own."""
        return tuple(run for run in self.runs if run.artifact)

    @property
    def answering(self) -> Endpoint | None:
        """An endpoint through which the model can be asked now."""
        states = (EndpointStatus.READY, EndpointStatus.ASLEEP)
        return next((endpoint for endpoint, backend in self.endpoints if backend.status in states), None)


def of(model_id: str) -> Used:
    """What the model is used for."""
    with db.reading() as session:
        runs = sorted(models.used_by(session, model_id), key=lambda run: -run.created_at)
        serving = [pair for pair in endpoints.kept(session, SERVING_KEPT) if pair[1].model_id == model_id]
    return Used(tuple(runs[:MOST_LISTED]), len(runs), tuple(serving))


def template(model: Model) -> str | None:
    """Its chat template as text; None when it has none, or its folder is not there or cannot be read."""
    if not model.path:
        return None
    try:
        return chat_template.text(Path(model.path))
    except (TunesmithError, OSError):
        return None
