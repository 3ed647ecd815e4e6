"""Rows that can be served, and a look at an endpoint until it is where a test wants it."""

from pathlib import Path

from engine import endpoints
from storage import db, home
from storage import endpoints as rows
from storage.tables import (
    DEFAULT_PROJECT,
    Backend,
    Dataset,
    DatasetStatus,
    Endpoint,
    EndpointStatus,
    Model,
    ModelStatus,
    Run,
    RunStatus,
)
from tests.waiting import wait_for


def ready_model(path: Path | None = None, name: str = "tiny") -> Model:
    """A model that is ready; its folder holds what a test has put there, often nothing."""
    model = Model(source="path", source_id=name, name=name, status=ModelStatus.READY)
    folder = path or home.model_folder(model.id) / name
    folder.mkdir(parents=True, exist_ok=True)
    model.path = str(folder)
    with db.session() as change:
        change.add(model)
    return model


def finished_run(model: Model, name: str = "Jokes, v2", artifact: str = "adapter") -> Run:
    """A run that succeeded and left an (empty) adapter or model folder."""
    data = Dataset(project_id=DEFAULT_PROJECT, name="rows", status=DatasetStatus.READY)
    run = Run(project_id=DEFAULT_PROJECT, name=name, model_id=model.id, dataset_id=data.id, recipe={})
    run.status, run.artifact = RunStatus.SUCCEEDED, artifact
    folder = home.run_folder(run.id) / artifact
    folder.mkdir()
    if artifact == "adapter":
        (folder / "adapter_config.json").write_text("{}")
    with db.session() as change:
        change.add(data)
        change.flush()
        change.add(run)
    return run


def active(endpoint: Endpoint) -> Backend:
    """The backend that answers for the endpoint now."""
    with db.reading() as view:
        found = rows.backend(view, endpoints.look_up(endpoint.id).active_backend_id)
    assert found is not None
    return found


def backend(backend_id: str) -> Backend:
    with db.reading() as view:
        found = rows.backend(view, backend_id)
    assert found is not None
    return found


def until(backend_id: str, status: EndpointStatus, seconds: float = 30) -> Backend:
    """Ticks until the backend has that status."""

    def there() -> bool:
        endpoints.tick()
        return backend(backend_id).status == status

    wait_for(there, seconds, every=0.1)
    return backend(backend_id)


def bring_up(endpoint: Endpoint, seconds: float = 30) -> Backend:
    return until(active(endpoint).id, EndpointStatus.READY, seconds)


def end_all() -> None:
    """Ends what a test has left running."""
    with db.reading() as view:
        found = rows.recent(view)
    for endpoint in found:
        endpoints.delete_endpoint(endpoint.id)
