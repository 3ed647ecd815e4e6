"""Files of /v1/files. Each is a dataset: read, judged and kept as one that comes in on the Data page.

`file-` and the id of any other dataset names that one, to train on it.
"""

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.data import datasets, importing
from engine.errors import ConflictError, NotFoundError
from engine.finetuning.wrong import ParameterError
from storage import datasets as stored_datasets
from storage import db
from storage.openai import files as stored
from storage.statuses import DatasetStatus
from storage.tables import Dataset, TuningFile

PREFIX = "file-"
MOST_REASONS = 3  # rows that are left out, and told of
Known = tuple[TuningFile, Dataset]


def take_in(path: Path, filename: str) -> Known:
    """Begins to import an uploaded file. Raises ParameterError for one without a byte, and what an import raises."""
    size = path.stat().st_size
    if not size:
        raise ParameterError(f"The file `{filename:.80}` is empty.", "file", "empty_file")
    dataset = datasets.import_file(path, "", source_name=filename or "file")
    file = TuningFile(dataset_id=dataset.id, filename=dataset.source_name, size_bytes=size)
    with db.session() as session:
        session.add(file)
    return file, dataset


def look_up(file_id: str) -> Known:
    """A file and its dataset; also one that is no more than a dataset of the studio. Raises ParameterError (404)."""
    with db.reading() as session:
        file = stored.get(session, file_id)
        known_id = file.dataset_id if file is not None else file_id.removeprefix(PREFIX)
        dataset = stored_datasets.get(session, known_id) if file_id.startswith(PREFIX) else None
    if dataset is None:
        raise ParameterError(f"There is no file `{file_id:.80}`.", "id", "file_not_found", 404)
    return file or _of_dataset(dataset), dataset


def _of_dataset(dataset: Dataset) -> TuningFile:
    return TuningFile(
        id=f"{PREFIX}{dataset.id}",
        dataset_id=dataset.id,
        filename=dataset.source_name or dataset.name,
        size_bytes=dataset.size_bytes,
        created_at=dataset.created_at,
    )


def for_training(file_id: str, param: str) -> Dataset:
    """The dataset of a file that a job names as `param`. Raises ParameterError."""
    try:
        return look_up(file_id)[1]
    except ParameterError as error:
        text = f"`{param}` is `{file_id:.80}`, and there is no such file. Upload it with POST /v1/files."
        raise ParameterError(text, param, "file_not_found") from error


def listed(limit: int, after: str | None, oldest_first: bool) -> list[Known]:
    """The files that came by /v1/files. Raises ParameterError for an `after` that is none of them."""
    with db.reading() as session:
        last = stored.get(session, after) if after else None
        if after and last is None:
            raise ParameterError(f"`after` is `{after:.80}`, and there is no such file.", "after")
        return stored.listed(session, limit, last, oldest_first)


def status(dataset: Dataset) -> tuple[str, str | None]:
    """OpenAI's word for how far a file is, and why it cannot be used."""
    match dataset.status:
        case DatasetStatus.READY:
            return "processed", None
        case DatasetStatus.IMPORTING:
            return "uploaded", None
        case DatasetStatus.NEEDS_MAPPING:
            return "error", "Its columns are not those of a format that is known. Map them on the Data page."
    return "error", f"{dataset.error or 'It could not be read.'} {dataset.hint or ''}".strip()


def left_out(dataset: Dataset) -> str:
    """How many rows of a file are not learned, and why the first of them; nothing where all are."""
    if not dataset.rejected:
        return ""
    rejections = datasets.rejections(dataset.id, limit=MOST_REASONS)
    reasons = (f"Row {one.get('row')}: {_words(one)}" for one in rejections)
    count = f"{dataset.rejected:,} of {dataset.rows:,} rows {'is' if dataset.rejected == 1 else 'are'} left out."
    return " ".join([count, *reasons])


def _words(rejection: Mapping[str, Any]) -> str:
    """What is wrong with a row: the rule it breaks, and what broke it."""
    rule = str(rejection.get("rule", "")).replace("_", " ")
    return f"{rule} ({value:.100})." if (value := rejection.get("value")) else f"{rule}."


def content(file_id: str) -> tuple[Path, str]:
    """The file as it came, and its name. Raises ParameterError where it is not kept."""
    file, dataset = look_up(file_id)
    kept = importing.sources(dataset)
    if len(kept) != 1 or not kept[0][0].is_file():
        text = f"The content of `{file_id:.80}` is not kept: it could not be read, or was made of other datasets."
        raise ParameterError(text, "id", "file_not_kept", 404)
    return kept[0][0], file.filename


def delete(file_id: str) -> None:
    """Deletes a file and its dataset; the dataset stays where a run or a job needs it. Raises ParameterError."""
    file, dataset = look_up(file_id)
    with db.session() as session:
        row = stored.get(session, file.id)
        if row is None:
            text = f"`{file_id:.80}` did not come by /v1/files. Delete the dataset on the Data page."
            raise ParameterError(text, "id", "not_an_uploaded_file")
        row.deleted_at = time.time()
        is_needed = stored.is_needed(session, dataset.id)
    if not is_needed:
        with contextlib.suppress(NotFoundError, ConflictError):  # gone already, or a run has just begun with it
            datasets.delete_dataset(dataset.id)
