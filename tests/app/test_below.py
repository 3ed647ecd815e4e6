"""Routers that are passed by at once: nothing of them is compared with a path that begins otherwise."""

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.testclient import TestClient
from starlette.types import Scope

from app.below import Below
from tests.rest import log_in, make_client

compared: list[str] = []


class Counted(APIRoute):
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        compared.append(self.path)
        return super().matches(scope)


@pytest.fixture
def app() -> FastAPI:
    """A route below /api, two routers deep, and one that is not."""
    noun = APIRouter(prefix="/runs", route_class=Counted)
    noun.add_api_route("/{id}", lambda: "a run")
    below = Below("/api")
    below.include_router(noun, prefix="/api")
    app = FastAPI()
    app.include_router(below)
    app.add_api_route("/v1/models", lambda: "models")
    compared.clear()
    return app


def test_a_path_of_its_own_is_found_and_another_compares_nothing(app: FastAPI) -> None:
    client = TestClient(app)
    assert client.get("/v1/models").json() == "models"
    assert client.get("/nothing").status_code == 404
    assert compared == []
    assert client.get("/api/runs/1").json() == "a run"
    assert client.post("/api/runs/1").status_code == 405
    assert client.get("/api/nothing").status_code == 404
    assert compared


def test_below_the_path_of_a_proxy_its_routes_are_found_too(app: FastAPI) -> None:
    client = TestClient(app, root_path="/studio")
    assert client.get("/studio/api/runs/1").json() == "a run"
    assert client.get("/studio/v1/models").json() == "models"


def test_the_studios_operations_are_listed_and_measured_by_their_own_paths() -> None:
    client = log_in(make_client())
    assert "/api/runs/{id}" in client.get("/api/openapi.json").json()["paths"]
    assert client.get("/api/runs/000000000000").status_code == 404
    assert client.put("/api/runs/000000000000").status_code == 405
    assert 'route="/api/runs/{id}"' in client.get("/metrics").text
