"""Exports of datasets: a worker writes the file, which lies in its folder until the dataset is deleted."""

from pathlib import Path
from typing import NamedTuple, cast

from engine import names
from engine.data import datasets
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.process import work
from engine.rows.export.file import File, Packed
from engine.rows.export.forms import FORMS, Form, for_kind
from engine.rows.verdict import Kind
from storage.statuses import WorkStatus
from storage.tables import Dataset, Work

KIND = "export_data"


class Download(NamedTuple):
    """A file that is ready: where it lies, and what it is called for the person who gets it."""

    path: Path
    name: str
    media_type: str


def forms(dataset: Dataset) -> list[Form]:
    """The forms this dataset can be written in; the first loses nothing."""
    return for_kind(cast(Kind, dataset.kind)) if dataset.kind else []


def start(dataset_id: str, form: str = "trl", file: File = "jsonl", packed: Packed = "") -> Work:
    """Begins an export and returns at once; the same one made before is returned instead.

    Raises NotFoundError, ConflictError for a dataset without rows, RefusedError for a form that does not fit.
    """
    dataset = datasets.look_up(dataset_id)
    path = datasets.blob(dataset)
    form_names = {offered.name for offered in forms(dataset)}
    if form not in form_names:
        raise RefusedError(
            f"Rows of the kind {dataset.kind} cannot be written as `{form}`.",
            f"Choose one of: {', '.join(form_names)}.",
        )
    if file == "parquet" and packed:
        raise RefusedError(f"A Parquet file is not packed as {packed}: it is compressed already.", "Leave packing out.")
    spec = {"path": str(path), "kind": dataset.kind, "name": dataset.name, "train_rows": dataset.train_rows}
    return work.start(KIND, dataset_id, {**spec, "form": form, "file": file, "packed": packed})


def look_up(dataset_id: str, work_id: str) -> Work:
    """Raises NotFoundError when this dataset has no such export."""
    export_work = work.look_up(work_id)
    if export_work.kind != KIND or export_work.subject_id != dataset_id:
        raise NotFoundError(f"Dataset `{dataset_id}` has no export `{work_id}`.")
    return export_work


def download(dataset_id: str, work_id: str) -> Download:
    """The file of a finished export. Raises NotFoundError, or ConflictError while there is none."""
    export_work = look_up(dataset_id, work_id)
    if export_work.status != WorkStatus.SUCCEEDED:
        raise ConflictError("The export is not ready.", export_work.error or "Wait until it is.")
    path = work.folder(export_work) / str(export_work.result["file"])
    ending = path.name.removeprefix("export")
    media_type = {"": "application/x-ndjson", "gz": "application/gzip", "zst": "application/zstd"}[
        export_work.spec["packed"]
    ]
    if export_work.spec["file"] == "parquet":
        media_type = "application/vnd.apache.parquet"
    name = names.as_file(export_work.spec["name"], "dataset")
    return Download(path, f"{name}-{export_work.spec['form']}{ending}", media_type)


def form_label(form: str) -> str:
    """What a form is called; one this studio does not know any more, by its name."""
    return FORMS[form].label if form in FORMS else form
