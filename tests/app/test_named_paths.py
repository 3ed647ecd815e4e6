"""Names in REST's paths: what an id does a name does, and nothing else."""

from urllib.parse import quote

import pytest
from sqlalchemy import Engine, event
from starlette.testclient import TestClient

from app import named_paths, routes
from engine.accounts import keys
from storage import db
from storage.tables import Dataset, Endpoint, Sweep
from tests import stored_runs
from tests.rest import log_in, make_client

ODD = ("first try", "a/b", "한국어 모델", "50 % off?", "..", "../keys", "x#y&z", "log", "run:1")


@pytest.fixture
def client() -> TestClient:
    return log_in(make_client())


@pytest.mark.parametrize("name", ODD)
def test_a_name_does_what_an_id_does(client: TestClient, name: str) -> None:
    run_id = stored_runs.add(name)
    address = f"/api/runs/{quote(name, safe='')}"
    if name != "..":  # clients and proxies take it for the folder above, however it is written
        assert client.get(address).json()["id"] == run_id
        assert client.get(f"{address}/charts").status_code == 200
        assert client.patch(address, json={"note": "seen"}).json()["note"] == "seen"
    assert client.get(f"/api/runs/{run_id}").json()["name"] == name


def test_every_noun_takes_names(client: TestClient) -> None:
    stored_runs.add("x")
    versions = [Dataset(id=f"a{number}", project_id="default", name="pairs", family_id="a1", version=number)
                for number in (1, 2)]  # fmt: skip
    with db.session() as session:
        session.add_all(versions)
        session.add(Endpoint(id="e1", project_id="default", name="jokes"))
        session.add(Sweep(id="s1", project_id="default", name="rates", spec={}))
    named = {"models/tiny": "m1", "datasets/pairs": "a2", "datasets/pairs%2F1": "a1", "projects/Default": "default"}
    for path, row_id in named.items():
        assert client.get(f"/api/{path}").json().get("id") == row_id, path
    misspelt = {"models": "tny", "datasets": "pair", "endpoints": "joks", "sweeps": "rate", "runs": "y"}
    for noun, near in misspelt.items():
        error = client.get(f"/api/{noun}/{near}")
        assert (error.status_code, error.json()["error"]["type"]) == (404, "not_found"), near
        assert noun == "runs" or "Did you mean" in error.json()["error"]["hint"], near


def test_an_id_wins_and_a_name_of_several_is_refused_with_their_ids(client: TestClient) -> None:
    first, second = stored_runs.add("same"), stored_runs.add("same")
    named_as_id = stored_runs.add(first)
    assert client.get(f"/api/runs/{first}").json()["name"] == "same"
    assert client.get(f"/api/runs/{named_as_id}").json()["name"] == first
    refused = client.delete("/api/runs/same")
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "conflict")
    assert all(row_id in refused.json()["error"]["hint"] for row_id in (first, second))
    assert len(client.get("/api/runs").json()) == 3


@pytest.mark.parametrize(
    "odd", ["%00", "a%0Ab", "%FF", "%ED%A0%80", "x" * 3000, "%2E%2E%2Fkeys", "..%2F..%2Fapi%2Fkeys"]
)
def test_what_can_be_no_name_is_not_found(client: TestClient, odd: str) -> None:
    answer = client.get(f"/api/runs/{odd}")
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found")


def test_an_id_costs_no_query_and_a_word_of_a_route_is_no_name(client: TestClient) -> None:
    run_id = stored_runs.add("compare")
    asked: list[str] = []

    def note(*arguments: object) -> None:
        asked.append(str(arguments[2]))

    by_id = client.get(f"/api/runs/{run_id}")
    event.listen(Engine, "before_cursor_execute", note)
    client.get(f"/api/runs/{run_id}")
    with_id = list(asked)
    client.get("/api/runs/compare")
    event.remove(Engine, "before_cursor_execute", note)
    assert by_id.json()["name"] == "compare"
    assert with_id
    assert not any("WHERE run.name" in query for query in asked)
    assert client.get("/api/runs/compare").status_code == 422  # the operation, which needs ids
    words = named_paths.words_of(noun.router for noun in routes.NOUNS)
    assert {"compare", "views", "undo"} <= words["runs"]
    assert all(words[noun] for noun in ("runs", "models", "datasets"))


def test_a_name_reaches_nothing_that_an_id_does_not() -> None:
    stored_runs.add("mine")
    stranger = make_client()
    _key, secret = keys.create_key("gateway", "inference")
    for path in ("/api/runs/mine", "/api/runs/unknown", "/api/runs/..%2Fkeys"):
        assert stranger.get(path).status_code == 401
        answer = stranger.get(path, headers={"authorization": f"Bearer {secret}"})
        assert answer.status_code == 403
        assert "mine" not in answer.json()["error"]["hint"]
