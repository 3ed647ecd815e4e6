"""Fragments and lists read what they show: as many statements and rows with thousands of things as with a few."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.window import fragments
from storage import db
from tests.bench.big_home import Sizes, fill
from tests.load.counting import Counted, counting
from tests.rest import log_in, make_client

# More than a page of everything, and then far more.
SOME = Sizes(runs=240, queued=6, datasets=130, models=50, endpoints=40, points=0, keys=5, projects=3)
MANY = Sizes(runs=10_000, queued=600, datasets=2_000, models=200, endpoints=200, points=0, keys=5, projects=3)
RUN, DATASET = "r3", "d3"

FRAGMENTS = (
    "frame/activity",
    "frame/projects",
    "home/home",
    "models/models",
    "models/models?page=2",
    "models/add",
    "data/datasets",
    "data/datasets?page=2",
    "data/datasets?named=conversations",
    f"data/datasets?dataset={DATASET}",
    "runs/runs",
    "runs/runs?page=2",
    f"runs/runs?run={RUN}",
    f"runs/recipe?run={RUN}",
    "serve/endpoints",
    "serve/endpoints?page=2",
    "chat/served",
    "chat/earlier",
    "system/machine",
    "system/keys",
)
LISTS = (
    "datasets",
    "datasets?offset=100&limit=20",
    "datasets?project_id=default&limit=20",
    "models?limit=20",
    "models?offset=20&limit=20",
    "runs",
    "runs?offset=200&limit=20",
    "runs?project_id=default&limit=20",
    "endpoints?limit=20",
    "endpoints?project_id=default&offset=20&limit=20",
    "projects",
    "keys",
)


def cost(client: TestClient, address: str) -> Counted:
    client.get(address)  # what is read once, such as who this is, was read before
    with counting() as counted:
        answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return counted


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, tuple[int, int]]]:
    """Statements and rows by address, with some and with many of everything."""
    return {name: measured(tmp_path_factory.mktemp(name), sizes) for name, sizes in (("some", SOME), ("many", MANY))}


def measured(folder: Path, sizes: Sizes) -> dict[str, tuple[int, int]]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TUNESMITH_HOME", str(folder / "home"))
        db.prepare()
        with db.session() as session:
            fill(session, sizes)
        with log_in(make_client()) as rest, TestClient(only_fragments()) as window:
            counts = {address: cost(rest, f"/api/{address}") for address in LISTS}
            counts |= {address: cost(window, f"/fragments/{address}") for address in FRAGMENTS}
        db.forget()
    return {address: (len(counted.statements), counted.rows) for address, counted in counts.items()}


def only_fragments() -> FastAPI:
    app = FastAPI()
    app.include_router(fragments.router)
    return app


@pytest.mark.parametrize("address", [*LISTS, *FRAGMENTS])
def test_a_look_costs_the_same_with_some_as_with_many(
    costs: dict[str, dict[str, tuple[int, int]]], address: str
) -> None:
    assert costs["many"][address] == costs["some"][address]


@pytest.mark.parametrize("address", [*LISTS, *FRAGMENTS])
def test_a_look_takes_few_statements_and_reads_no_more_than_it_shows(
    costs: dict[str, dict[str, tuple[int, int]]], address: str
) -> None:
    statements, rows = costs["many"][address]
    assert statements <= 10
    assert rows <= 210  # fifty runs: their ids from the index alone, then they, and the names of model and dataset
