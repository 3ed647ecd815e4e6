"""GET /fragments/PAGE/NAME."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.answers import errors
from app.window import fragments, studio
from engine.accounts import projects
from pages import shell
from pages.home import page as home


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = FastAPI()
    errors.install(app)
    app.include_router(fragments.router)
    with TestClient(app) as test_client:
        yield test_client


@pytest.mark.parametrize(
    "path",
    [f"/fragments/{shell.page_name(page)}/{name}" for page in studio.PAGES for name in page.FRAGMENTS]
    + [f"/fragments/frame/{name}" for name in shell.FRAGMENTS],
)
def test_every_fragment_answers_on_an_empty_studio(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/fragments/runs/nothing", "/fragments/nothing/table", "/fragments/frame/home"])
def test_an_unknown_fragment_is_refused_in_our_words(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.json()["error"]["type"] == "not_found"
    assert "Reload the page" in response.json()["error"]["hint"]


def test_a_fragment_gets_the_query_the_project_of_the_cookie_and_who_looks(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = projects.create_project("Support")
    monkeypatch.setitem(home.FRAGMENTS, "echo", lambda query: repr(sorted(query.items())))
    client.cookies.set(shell.COOKIE, project.id)
    response = client.get("/fragments/home/echo?run=r1&project=other&role=owner")
    assert response.text == repr([("charts", ""), ("project", project.id), ("role", "viewer"), ("run", "r1")])
