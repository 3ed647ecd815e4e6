"""Rows that contain a text are found in any column without a version, and kept as one by the filter there is."""

import unicodedata
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.data import datasets, row_filter
from engine.errors import ConflictError, RefusedError
from engine.rows.search import containing
from engine.rows.shape import filtering, texts
from engine.rows.store import columnar
from storage import db, home
from storage.statuses import DatasetStatus
from storage.tables import Dataset
from tests.engine.data.stored_datasets import stored_dataset
from tests.waiting import wait_for

ROWS: list[dict[str, Any]] = [
    {"prompt": "Why is the Sky blue?", "completion": "Light.", "extra": {"topic": "physics"}},
    {"prompt": "2+2?", "completion": "4, plainly", "extra": {"topic": "sums", "sky": "no"}},
    {"prompt": "Ünder the skY", "completion": "50% off a_b", "extra": None},
    {"prompt": "x", "completion": "y" * 500, "extra": {"topic": "Physics"}},
]


@pytest.fixture
def dataset() -> Dataset:
    row = Dataset(project_id="default", name="rows", kind="completion", accepted=len(ROWS), rows=len(ROWS))
    path = home.ensure_folder(home.blobs()) / "made.parquet"
    with columnar.Writer(path, "completion") as writer:
        for number, values in enumerate(ROWS, 1):
            writer.add(number, values)
        writer.close()
    row.sha256, row.status = columnar.sha256_of(path), DatasetStatus.READY
    path.rename(home.blobs() / f"{row.sha256}.parquet")
    with db.session() as session:
        session.add(row)
    return row


def positions(dataset: Dataset, text: str, order: row_filter.Order = "") -> list[int]:
    wait_for(lambda: row_filter.find(dataset.id, text).complete)
    return [hit.position for hit in row_filter.find(dataset.id, text, order=order).rows]


def test_a_text_is_found_in_any_column_and_case_as_it_is_written(dataset: Dataset) -> None:
    for text, expected in (
        ("SKY", [0, 2]), ("ünder", [2]), ("physics", [0, 3]), ("topic", []), ("% off a_", [2]), (".", [0]),
        ("a.b", []), ("(", []), ("", [0, 1, 2, 3]),
    ):  # fmt: skip
        assert positions(dataset, text) == expected, text
        kept = filtering.Contains(text=text or "?", where="every column")
        marks = [mark for batch in stored_batches(dataset) for mark in kept.met(batch).to_pylist()]
        met = [at for at, is_met in enumerate(marks) if is_met]
        assert not text or met == expected, text  # the version that is kept has the same rows


def test_korean_and_accents_are_found_in_pieces_and_in_one_sign() -> None:
    pieces, signs = (unicodedata.normalize(form, "한국어 Ünder") for form in ("NFD", "NFC"))
    for text in ("국어", unicodedata.normalize("NFD", "국어"), "ünder"):
        assert texts.having(pa.array([pieces, signs, "영어"]), text, ignore_case=True).to_pylist() == [
            True,
            True,
            False,
        ]
    exact = filtering.Contains(text="ünder", ignore_case=False)
    assert exact.met(pa.record_batch({"text": [pieces]})).to_pylist() == [False]


def stored_batches(dataset: Dataset) -> list[pa.RecordBatch]:
    return list(pq.read_table(datasets.blob(dataset)).to_batches())


def test_rows_are_sorted_by_length_and_come_by_pages(dataset: Dataset) -> None:
    assert positions(dataset, "", "longest")[0] == 3
    assert positions(dataset, "sky", "shortest") == [2, 0]
    page = row_filter.find(dataset.id, "", 2, 1)
    assert (page.total, [hit.position for hit in page.rows], page.looked_at) == (4, [2], 4)


def test_what_is_still_being_searched_is_said(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list(containing.parts(datasets.blob(dataset), "sky"))
    monkeypatch.setattr(row_filter, "WAIT_SECONDS", 0.0)
    scan = row_filter._Scan(datasets.blob(dataset), "sky", parts=whole, looked_at=2)
    monkeypatch.setitem(row_filter._scans, (str(dataset.sha256), "sky"), scan)
    found = row_filter.find(dataset.id, "sky")
    assert (found.looked_at, found.complete, found.total) == (2, False, 2)


def test_the_rows_are_kept_as_a_version_by_the_filter_there_is(dataset: Dataset) -> None:
    version = row_filter.keep(dataset.id, "sky")
    assert (version.family_id, version.version) == (dataset.id, 2)
    assert version.operation is not None
    assert version.operation["conditions"][0] == {
        "test": "contains", "text": "sky", "where": "every column", "ignore_case": True,
    }  # fmt: skip
    with pytest.raises(RefusedError):
        row_filter.keep(dataset.id, "")


def test_a_dataset_without_rows_says_so() -> None:
    with db.session() as session:
        session.add(Dataset(id="empty", project_id="default", name="empty"))
    with pytest.raises(ConflictError):
        row_filter.find("empty", "x")
    assert stored_dataset().train_rows
