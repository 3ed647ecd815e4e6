"""What uses a run, a dataset, a model or an export, in words: why it cannot go, and what would suffer."""

from sqlmodel import Session

from engine.serve import adapter_names
from storage import datasets, endpoints, models, runs, uses
from storage.statuses import SERVING_KEPT
from storage.tables import Run

MOST = 20


def of_run(session: Session, run_id: str) -> list[str]:
    """Versions that hold it, endpoints that serve it, trainings that began from it, exports of it."""
    run = session.get_one(Run, run_id)
    served = [
        f"endpoint `{endpoint.name}`"
        for endpoint, backend in endpoints.kept(session, SERVING_KEPT)
        if run_id in adapter_names.run_ids(backend.adapters)
    ]
    begun = [f"run `{other.name}`, which began from it" for other in runs.begun_from(session, run)[:MOST]]
    return [*_versions(session, run_id=run_id), *dict.fromkeys(served), *begun]


def of_dataset(session: Session, dataset_id: str) -> list[str]:
    """Runs that learn from it."""
    return [f"run `{run.name}`" for run in datasets.used_by(session, dataset_id)[:MOST]]


def of_model(session: Session, model_id: str) -> list[str]:
    """Versions that hold it, endpoints that serve it, runs that were trained on it."""
    served = [
        f"endpoint `{endpoint.name}`"
        for endpoint, backend in endpoints.kept(session, SERVING_KEPT)
        if backend.model_id == model_id
    ]
    trained = [f"run `{run.name}`" for run in models.used_by(session, model_id)[:MOST]]
    return [*_versions(session, model_id=model_id), *dict.fromkeys(served), *trained]


def of_export(session: Session, export_id: str) -> list[str]:
    """Versions that hold it, endpoints that serve its file."""
    served = [f"endpoint `{endpoint.name}`" for endpoint, _ in uses.serving_exports(session).get(export_id, ())]
    return [*_versions(session, export_id=export_id), *dict.fromkeys(served)]


def _versions(session: Session, **ids: str) -> list[str]:
    return [f"version {number} of `{name}`" for name, number in uses.versions(session, **ids)[:MOST]]


FINDERS = {"run": of_run, "dataset": of_dataset, "model": of_model, "export": of_export}
