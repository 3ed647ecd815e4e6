"""Tokens of a dataset as a model reads them, before any training: pages of rows, and totals.

Workers do the work (engine.workers.tokens.rows and token_totals), with the code that training uses; this module asks
for it once and hands out what they found.
"""

import math
from pathlib import Path
from typing import Any

import orjson

from engine.data import datasets
from engine.errors import ConflictError, RefusedError
from engine.models import models
from engine.process import work
from engine.weights import tokenizer as tokenizer_files
from storage import home
from storage.statuses import ModelStatus, WorkStatus
from storage.tables import Dataset, Model, Work

MAX_LENGTH = 1024  # tokens, as in a recipe that names none
CHOOSES = ("chat", "completion")  # kinds of rows that may be learnt from as a whole; in others it makes no difference
MOST_ROWS_A_PAGE = 50
WAIT_SECONDS = 30
PAGE = "page.json"


def rows(
    dataset_id: str,
    model_id: str,
    offset: int = 0,
    limit: int = 10,
    *,
    max_length: int = MAX_LENGTH,
    assistant_only_loss: bool = True,
) -> dict[str, Any]:
    """{"rows": [...], "notes": [...]}: a page of rows as tokens; waits for it.

    Raises NotFoundError, ConflictError while dataset or model are not ready or the work takes too long, RefusedError
    when it cannot be done.
    """
    options: dict[str, Any] = {"max_length": max_length, "assistant_only_loss": assistant_only_loss}
    started = begin_rows(dataset_id, model_id, offset, limit, **options)
    rows_page = page(work.wait(started.id, WAIT_SECONDS))
    if rows_page is None:
        raise ConflictError("The tokens are not counted yet.", "Ask again in a few seconds.")
    return rows_page


def begin_rows(
    dataset_id: str,
    model_id: str,
    offset: int,
    limit: int,
    *,
    max_length: int = MAX_LENGTH,
    assistant_only_loss: bool = True,
) -> Work:
    """Starts to tokenise a page of rows; the same page again is the same work. Raises like `rows`."""
    work_spec = spec(datasets.look_up(dataset_id), models.look_up(model_id), max_length, assistant_only_loss)
    return work.start("token_rows", dataset_id, work_spec | _page_spec(offset, limit))


def _page_spec(offset: int, limit: int) -> dict[str, int]:
    return {"offset": max(0, offset), "limit": max(1, min(limit, MOST_ROWS_A_PAGE))}


def page(row_work: Work) -> dict[str, Any] | None:
    """What the work about a page found; None while it goes on. Raises RefusedError when it failed."""
    match row_work.status:
        case WorkStatus.SUCCEEDED:
            content: dict[str, Any] = orjson.loads((work.folder(row_work) / PAGE).read_bytes())
            return content
        case WorkStatus.FAILED | WorkStatus.STOPPED:
            raise RefusedError(row_work.error or "The rows could not be tokenised.", row_work.hint or "Try again.")
    return None


def known_rows(dataset: Dataset, work_spec: dict[str, Any], offset: int, limit: int) -> Work | None:
    """The work about that page, whatever became of it; None when nobody has asked yet. `work_spec` is a `spec`."""
    return work.find("token_rows", dataset.id, work_spec | _page_spec(offset, limit))


def totals(dataset_id: str, model_id: str, max_length: int = MAX_LENGTH, assistant_only_loss: bool = True) -> Work:
    """Counts the whole dataset, or hands out the work that does or did. Its `result` is what the worker's `Sums` say.

    Raises like `rows`.
    """
    work_spec = spec(datasets.look_up(dataset_id), models.look_up(model_id), max_length, assistant_only_loss)
    return work.start("token_totals", dataset_id, work_spec)


def known_totals(dataset: Dataset, work_spec: dict[str, Any]) -> Work | None:
    """The work that counts, or has counted, the dataset so; None when there is none yet. `work_spec` is a `spec`."""
    return work.find("token_totals", dataset.id, work_spec)


def spec(
    dataset: Dataset,
    model: Model,
    max_length: int = MAX_LENGTH,
    assistant_only_loss: bool = True,
    model_path: str | None = None,
) -> dict[str, Any]:
    """What the workers are told. Raises ConflictError while there are no rows or no tokenizer.

    `model_path`: the folder with the tokenizer, where it is not the model's own.
    """
    blob = datasets.blob(dataset)
    path = model_path or model.path
    if model.status != ModelStatus.READY or not path or not Path(path).is_dir():
        raise ConflictError(f"The model {model.name} is not ready.", "Wait for it, or see the Models page.")
    state = tokenizer_files.fingerprint(Path(path))
    return {
        "dataset": str(blob),
        "kind": dataset.kind,
        "model": path,
        "cache": str(home.model_folder(model.id) / "tokenizer" / state),
        "max_length": min(max_length, model.context_length or max_length),  # training cuts there too
        "answers_only": assistant_only_loss or dataset.kind not in CHOOSES,
    }


def is_prepared(work_spec: dict[str, Any]) -> bool:
    """Whether the model's tokenizer is at hand, so that a page takes a second and not ten. `work_spec` is a `spec`."""
    return Path(work_spec["cache"]).is_dir()


def steps_per_epoch(totals: dict[str, Any], batch_size: int, accumulation: int = 1, packing: bool = False) -> int:
    """Optimiser steps in which every row (every packed sequence) is seen once."""
    packed = (totals.get("packing") or {}).get("sequences", 0) if packing else 0
    return math.ceil(math.ceil((packed or totals["kept"]) / batch_size) / accumulation)
