"""Work about a dataset is found by its key and by its index, however much of it there is."""

from typing import Any

import pytest

from engine.data import tokens
from engine.process import work
from storage import db
from storage import work as stored_work
from storage.statuses import WorkStatus
from storage.tables import Dataset, Work
from tests.bench.big_home import Sizes, fill
from tests.engine.data.stored_datasets import stored_dataset
from tests.load.counting import counting

SPEC: dict[str, Any] = {"dataset": "/blobs/a.parquet", "max_length": 1024}


@pytest.fixture
def dataset() -> Dataset:
    """One with two hundred pages of tokens, each asked for once."""
    dataset = stored_dataset()
    for page in range(200):
        work.enqueue("token_rows", dataset.id, SPEC | {"offset": 10 * page, "limit": 10})
    return dataset


def test_a_page_of_tokens_is_found_among_hundreds_by_one_row(dataset: Dataset) -> None:
    with counting() as counted:
        page = tokens.known_rows(dataset, SPEC, 1990, 10)
    assert page is not None
    assert page.spec["offset"] == 1990
    assert (len(counted.statements), counted.rows) == (1, 1)


def test_work_that_failed_is_still_known(dataset: Dataset) -> None:
    failed = Work(kind="health", subject_id=dataset.id, key="k", spec=SPEC, status=WorkStatus.FAILED)
    with db.session() as session:
        session.add(failed)
    with db.reading() as session:
        newest = stored_work.newest_with_key(session, "k")
    assert newest is not None
    assert newest.id == failed.id


def test_the_search_for_unchecked_datasets_reads_one_row_and_scans_no_table() -> None:
    with db.session() as session:
        fill(session, Sizes(runs=0, queued=0, datasets=2_000, models=1, endpoints=0, points=0, keys=0, projects=0))
    unchecked = stored_dataset()
    with db.reading() as session, counting() as counted:
        lacking = stored_work.datasets_without(session, "health", 50_000, 1)
        assert [dataset.id for dataset in lacking] == [unchecked.id]
        assert (len(counted.statements), counted.rows) == (1, 1)
        plan = session.connection().exec_driver_sql(
            f"EXPLAIN QUERY PLAN {counted.statements[0]}", ("health", "ready", 1, 1, 0)
        )
        assert not [step for *_numbers, step in plan if step.startswith("SCAN")]
