"""Only the rows that contain a text, or all of them by length, without making a version.

A file is gone through by a thread, a thousand rows at a time, and what it has found is shown while it goes on: a
million rows take seconds. It ends when nobody has asked for it for a while; the last few results stay in memory.
"""

import threading
import time
import unicodedata
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from engine.data import datasets, search, shape
from engine.errors import RefusedError
from engine.process import logs
from engine.rows.search import containing
from engine.rows.store.by_position import read_rows
from storage.tables import Dataset

Order = Literal["", "shortest", "longest"]
LONGEST_TEXT = 400
WAIT_SECONDS = 1.5  # for the end of a search; after that the rows found so far are shown
FORGOTTEN_SECONDS = 20.0  # nobody asked: it ends
MOST_KEPT = 4  # 8 bytes for each row found: a million rows have 8 MB
MOST_ROWS_A_PAGE = 200


@dataclass(frozen=True)
class Found:
    """A page of what was found among the first `looked_at` rows; `complete`: those are all there are."""

    total: int
    rows: list[search.Hit]
    looked_at: int
    complete: bool


@dataclass
class _Scan:
    path: Path
    text: str
    parts: list[containing.Part] = field(default_factory=list)
    looked_at: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    asked_at: float = field(default_factory=time.monotonic)
    given_up: bool = False

    def run(self) -> None:
        with logs.kept_going("row filter", self.path.stem):
            for part in containing.parts(self.path, self.text):
                self.parts.append(part)
                self.looked_at = part.looked_at
                if time.monotonic() - self.asked_at > FORGOTTEN_SECONDS:
                    self.given_up = True
                    break
        self.over.set()


_scans: OrderedDict[tuple[str, str], _Scan] = OrderedDict()
_lock = threading.Lock()
_goers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="row-filter")


def checked(text: str) -> str:
    """The text as rows have it. Raises RefusedError for one that is too long."""
    text = unicodedata.normalize("NFC", text)
    if len(text) > LONGEST_TEXT:
        raise RefusedError(f"The text has {len(text)} characters.", f"Use at most {LONGEST_TEXT}.")
    return text


def find(dataset_id: str, text: str, offset: int = 0, limit: int = 20, order: Order = "") -> Found:
    """Rows with the text in any column, in any case; every row for an empty text.

    Raises NotFoundError, ConflictError while there are no rows, RefusedError for a text that is too long.
    """
    dataset = datasets.look_up(dataset_id)
    path, text = datasets.blob(dataset), checked(text)
    scan = _scan_of(dataset, path, text)
    scan.over.wait(WAIT_SECONDS)
    parts, looked_at = list(scan.parts), scan.looked_at
    positions = np.concatenate([part.positions for part in parts]) if parts else np.zeros(0, np.int32)
    if order:
        lengths = np.concatenate([part.lengths for part in parts]) if parts else positions
        positions = positions[np.argsort(-lengths if order == "longest" else lengths, kind="stable")]
    chosen = positions[max(0, offset) :][: max(0, min(limit, MOST_ROWS_A_PAGE))].tolist()
    rows = [search.Hit(*pair) for pair in zip(chosen, read_rows(path, chosen), strict=True)]
    return Found(len(positions), rows, looked_at, looked_at >= dataset.train_rows)


def _scan_of(dataset: Dataset, path: Path, text: str) -> _Scan:
    key = (str(dataset.sha256), text.casefold())
    with _lock:
        scan = _scans.get(key)
        if scan is None or scan.given_up:
            scan = _scans[key] = _Scan(path, text)
            _goers.submit(scan.run)
        scan.asked_at = time.monotonic()
        _scans.move_to_end(key)
        while len(_scans) > MOST_KEPT:
            _, forgotten = _scans.popitem(last=False)
            forgotten.asked_at = 0.0  # it ends with the rows it is at
    return scan


def keep(dataset_id: str, text: str) -> Dataset:
    """The rows with the text as the next version. Raises RefusedError for an empty text."""
    text = checked(text)
    if not text:
        raise RefusedError("There is no text to filter by.", "Type one.")
    condition = {"test": "contains", "text": text, "where": "every column"}
    return shape.change(dataset_id, {"op": "filter", "conditions": [condition]})[0]
