"""Rows over REST, only those with a text, or sorted by length."""

from fastapi.testclient import TestClient

from tests.engine.data.stored_datasets import stored_dataset
from tests.waiting import wait_for


def test_rows_are_filtered_and_sorted_without_a_version_and_none_is_refused(owner: TestClient) -> None:
    rows = f"/api/datasets/{stored_dataset(rows=12).id}/rows"
    wait_for(lambda: owner.get(f"{rows}?q=ASK 1").json()["complete"])
    answer = owner.get(f"{rows}?q=ASK 1&limit=2&sort=longest").json()
    assert (answer["total"], answer["positions"], answer["looked_at"]) == (3, [10, 11], 12)
    assert owner.get(f"{rows}?offset=3&limit=1").json()["positions"] == [3]
    assert owner.get(f"{rows}?q={'x' * 401}").status_code == 422
    assert owner.get(f"{rows}?sort=random").status_code == 422
    assert len(owner.get("/api/datasets").json()) == 1
