"""What an endpoint serves of a version: its run's adapter beside the base, or a model of its own."""

from pathlib import Path

from engine.errors import ConflictError
from engine.models import models
from engine.registry import kept
from engine.serve import gguf
from engine.serve.takeover.deployment import Wanted
from storage import db
from storage.tables import Export, Model, ModelVersion


def wanted(name: str, version: ModelVersion) -> Wanted:
    """For engine.serve.endpoints. A merged model is added to the studio's models first: a server loads it as one.

    A GGUF file has a backend of its own. Raises NotFoundError or ConflictError for what is gone.
    """
    if version.kind == "gguf":
        if version.export_id is None:
            message = f"The GGUF file of version {version.number} of `{name}` is gone."
            raise ConflictError(message, "Make the export again, and keep it as a version.")
        return Wanted(gguf.KIND, adapters=(), options={"export_id": version.export_id})
    if version.model_id is not None:
        return Wanted(model_id=version.model_id, adapters=())
    with db.reading() as session:
        folder = kept.folders(session, version)[""]
        export = session.get(Export, version.export_id) if version.export_id else None
    if export is not None and export.work_id is not None and version.kind != "adapter":
        return Wanted(model_id=_as_model(name, version, folder).id, adapters=())
    subject = export.subject.removeprefix("run:") if export is not None else str(version.run_id)
    return Wanted(adapters=(subject,))


def _as_model(name: str, version: ModelVersion, folder: Path) -> Model:
    """The model of that folder, added under the version's name where it is new."""
    model = models.add_model("path", str(folder))
    called = f"{name} version {version.number}"
    if model.name != called and model.name == folder.name:
        with db.session() as session:
            if (row := session.get(Model, model.id)) is not None:
                row.name = called
    return model
