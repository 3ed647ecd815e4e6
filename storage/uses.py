"""What holds a run, an export or a model, in words: by it a deletion is refused, and says why."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import or_
from sqlmodel import Session, col, select

from storage import endpoints, home
from storage.statuses import SERVING_KEPT
from storage.tables import Backend, Endpoint, Export, Model, ModelVersion, RegisteredModel


def versions(
    session: Session, *, run_id: str | None = None, export_id: str | None = None, model_id: str | None = None
) -> Sequence[tuple[str, int]]:
    """The versions that hold a run, an export or a model: names and numbers."""
    ids = ((ModelVersion.run_id, run_id), (ModelVersion.export_id, export_id), (ModelVersion.model_id, model_id))
    held = [col(column) == value for column, value in ids if value is not None]
    query = select(RegisteredModel.name, ModelVersion.number).where(or_(*held))
    query = query.where(col(RegisteredModel.id) == ModelVersion.registered_id)
    return session.exec(query.order_by(col(RegisteredModel.name), col(ModelVersion.number))).all()


def in_words(held_by: Sequence[tuple[str, int]], most: int = 3) -> str:
    """Version 3 of `jokes`, version 1 of `sums` and 4 more."""
    named = ", ".join(f"version {number} of `{name}`" for name, number in held_by[:most])
    return f"{named} and {len(held_by) - most} more" if len(held_by) > most else named


def serving_exports(
    session: Session, served: Sequence[tuple[Endpoint, Backend]] | None = None
) -> dict[str, list[tuple[Endpoint, Backend]]]:
    """Id of an export -> what serves its files now, or will at the next request. `served`: all that is, if it is known.

    A GGUF file is served by its id. A merged model was added to the models by its folder, and is served as one.
    """
    served = endpoints.kept(session, SERVING_KEPT) if served is None else served
    of_work = _works_served_as_models(session, {str(backend.model_id) for _, backend in served if backend.model_id})
    query = select(Export.work_id, Export.id).where(col(Export.work_id).in_(set(of_work.values())))
    made = session.exec(query).all() if of_work else ()
    serving: dict[str, list[tuple[Endpoint, Backend]]] = {}
    for endpoint, backend in served:
        work_id = of_work.get(backend.model_id or "")
        ids = [export_id for made_by, export_id in made if work_id and made_by == work_id]
        if (own := backend.options.get("export_id")) is not None:
            ids.append(str(own))
        for export_id in ids:
            serving.setdefault(export_id, []).append((endpoint, backend))
    return serving


def _works_served_as_models(session: Session, model_ids: set[str]) -> dict[str, str]:
    """Of models whose folder lies in the folder of some work: the model's id, and the work's."""
    if not model_ids:
        return {}
    paths = session.exec(select(Model.id, Model.path).where(col(Model.id).in_(model_ids))).all()
    works = home.folder("work")
    within = {id: Path(path) for id, path in paths if path and Path(path).is_relative_to(works)}
    return {id: path.relative_to(works).parts[0] for id, path in within.items() if path != works}
