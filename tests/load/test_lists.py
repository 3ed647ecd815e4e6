"""Fragments and lists read what they show: as many statements and rows with thousands of things as with a few."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.window import fragments
from storage import db
from tests import fixed_reports, recorded_sweep
from tests.bench import big_proof
from tests.bench.addresses import FIVE, FRAGMENTS, LISTS
from tests.bench.big_home import Sizes, fill
from tests.bench.big_proof import MoreSizes
from tests.load.counting import Counted, counting
from tests.rest import log_in, make_client

# More than a page of everything, and then far more.
SOME = Sizes(runs=480, queued=70, datasets=130, models=110, endpoints=40, points=0, keys=5, projects=3)
MANY = Sizes(runs=10_000, queued=600, datasets=2_000, models=200, endpoints=200, points=0, keys=5, projects=3)
MORE_SOME = MoreSizes(
    evaluations=210, names=55, versions=110, snippets=60, sweeps=210, notes=60, notices=120, chats=60, requests=200,
    benchmarks=60,
)  # fmt: skip
MORE_MANY = MoreSizes()
USUAL = (10, 210)  # fifty runs: their ids from the index alone, then they, and the names of model and dataset
CHOICES = (10, 600)  # what can be chosen in forms: a hundred runs, models and datasets, two hundred tags
MOST = {
    f"runs/{big_proof.RUN}/samples": (4, 1010),  # a thousand answers are the page; one statement for so short an id
    "runs/filters": (10, 310),
    f"runs/runs?run={big_proof.RUN}&tab=answers": (12, 30),
    f"runs/runs?compare={FIVE}": (15, 30),
    "sweeps?limit=20": (7, 430),  # with all of their trials, and what their runs have used
    "sweeps/sweeps": (5, 310),  # fifty, each with its trials counted by state
    "sweeps/sweeps?page=2": (5, 310),
    **{f"evaluate/evaluations{more}": CHOICES for more in ("", "?page=2", "?q=measured")},
    "registry/registry": (10, 260),  # with the forms' choices
    **{f"registry/registry?model={big_proof.NAME}{more}": (17, 210) for more in ("", "&page=2")},
}
# As many as there are, up to two hundred: what is trained on a model.
GROWS = ("models/m3/details", "models/models?model=m3")
SWEEP_FILE = Path(recorded_sweep.__file__).with_suffix(".json")


def cost(client: TestClient, address: str) -> Counted:
    client.get(address)  # what is read once, such as who this is, was read before
    with counting() as counted:
        answer = client.get(address)
    assert answer.status_code == 200, (address, answer.text)
    return counted


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, tuple[int, int]]]:
    """Statements and rows by address, with some and with many of everything."""
    every = {"some": (SOME, MORE_SOME), "many": (MANY, MORE_MANY)}
    return {name: measured(tmp_path_factory.mktemp(name), *sizes) for name, sizes in every.items()}


def measured(folder: Path, sizes: Sizes, more: MoreSizes) -> dict[str, tuple[int, int]]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TUNESMITH_HOME", str(folder / "home"))
        db.prepare()
        with db.session() as session:
            fill(session, sizes)
            looks = big_proof.looks_of(fixed_reports.succeeded(), SWEEP_FILE)
            big_proof.fill(session, more, looks, sizes.runs, sizes.models)
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
    assert address in GROWS or costs["many"][address] == costs["some"][address]


@pytest.mark.parametrize("address", [*LISTS, *FRAGMENTS])
def test_a_look_takes_few_statements_and_reads_no_more_than_it_shows(
    costs: dict[str, dict[str, tuple[int, int]]], address: str
) -> None:
    statements, rows = costs["many"][address]
    most_statements, most_rows = MOST.get(address, USUAL)
    assert statements <= most_statements
    assert rows <= most_rows
