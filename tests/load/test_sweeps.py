"""Ten thousand sweeps, and a sweep of two thousand trials: what a look at them costs."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import insert
from starlette.testclient import TestClient

from pages.sweeps import page
from storage import db
from storage.tables import Sweep, SweepTrial
from tests import recorded_sweep
from tests.load.counting import counting
from tests.rest import log_in, make_client

TRIALS, LONG = 3, 2000
COLUMNS = {"params": {"learning_rate": 1e-4}, "state": "complete", "is_put_away": True, "steps": {"10": 1.5, "20": 1.4}}


@pytest.fixture
def owner() -> Iterator[TestClient]:
    with log_in(make_client()) as client:
        yield client


def add_sweeps(first: int, last: int) -> None:
    spec = recorded_sweep.picture().spec.model_dump(mode="json")
    rows = [
        {"id": f"s{n}", "project_id": "default", "name": f"sweep {n}", "spec": spec, "status": "succeeded",
         "stage": "search", "is_lifted": False, "reason": "", "created_at": float(n), "moved_at": 1.0,
         "seconds_before": 0.0}
        for n in range(first, last)
    ]  # fmt: skip
    with db.session() as session:
        session.execute(insert(Sweep), rows)
        session.execute(insert(SweepTrial), [row for one in rows for row in trials_of(str(one["id"]), TRIALS)])


def trials_of(sweep_id: str, count: int) -> list[dict[str, Any]]:
    return [COLUMNS | {"sweep_id": sweep_id, "number": n, "values": [1.0 + n / 7 % 1]} for n in range(count)]


def cost(client: TestClient, address: str) -> tuple[int, int]:
    client.get(address)  # what is read once, such as who this is, was read before
    with counting() as counted:
        assert client.get(address).status_code == 200
    return len(counted.statements), counted.rows


def test_a_list_costs_the_same_with_ten_thousand_sweeps_as_with_a_hundred(owner: TestClient) -> None:
    addresses = ("/api/sweeps", "/api/sweeps?offset=60&limit=20", "/api/sweeps?project_id=default&limit=5")

    def costs() -> list[tuple[int, int]]:
        listed = [cost(owner, address) for address in addresses]
        for query in ({"project": "default"}, {"project": "default", "page": "2"}):
            with counting() as counted:
                text = page.sweeps_html(query)
            assert text.count("<tr") == 51  # fifty and the head
            listed.append((len(counted.statements), counted.rows))
        return listed

    add_sweeps(0, 100)
    some = costs()
    add_sweeps(100, 10_000)
    assert costs() == some
    assert owner.get("/api/sweeps").headers["x-total-count"] == "10000"
    print(some)
    assert all(statements <= 7 for statements, _ in some)


@pytest.mark.parametrize("tab", ["overview", "trials", "charts"])
def test_a_sweep_of_two_thousand_trials_is_read_by_few_statements_and_shown_in_pages(tab: str) -> None:
    add_sweeps(0, 1)
    with db.session() as session:
        session.execute(insert(SweepTrial), trials_of("s0", LONG)[TRIALS:])
    with counting() as counted:
        text = page.sweeps_html({"sweep": "s0", "tab": tab})
    print(tab, len(counted.statements), counted.rows, len(text))
    assert len(counted.statements) <= 8
    assert counted.rows < LONG + 20
    assert len(text) < 150_000


def test_its_trials_come_in_pages_over_rest(owner: TestClient) -> None:
    add_sweeps(0, 1)
    with db.session() as session:
        session.execute(insert(SweepTrial), trials_of("s0", LONG)[TRIALS:])
    statements, rows = cost(owner, "/api/sweeps/s0/trials?offset=1950&limit=100")
    answer = owner.get("/api/sweeps/s0/trials?offset=1950&limit=100")
    assert [trial["number"] for trial in answer.json()] == list(range(1950, LONG))
    assert answer.headers["x-total-count"] == str(LONG)
    assert (statements <= 5, rows < 60) == (True, True), (statements, rows)
    assert answer.json()[0] == owner.get("/api/sweeps/s0").json()["trials"][1950]
    assert owner.get("/api/sweeps/none/trials").status_code == 404
