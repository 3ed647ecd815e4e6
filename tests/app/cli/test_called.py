"""Names on the command line and in REST's recipes, as somebody types them who has never seen an id."""

import json
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from app.cli.commands import cli
from app.server import create_app
from engine.errors import NotFoundError, TunesmithError
from tests import stored_runs


def typed(*arguments: str) -> str:
    ended = CliRunner().invoke(cli, arguments)
    if isinstance(ended.exception, Exception):
        raise ended.exception
    return ended.output


def test_names_do_what_ids_do() -> None:
    first = stored_runs.add("first try", loss=0.5)
    stored_runs.add("second try", model_id="m1")
    stored_runs.add_points(first, "loss", [0.9, 0.5])
    assert first in typed("runs", "show", "first try")
    assert "loss" in typed("metrics", "first try")
    assert "loss" in typed("metrics", "run:first try")
    assert "first try" in typed("compare", "first try", "second try")
    assert len(json.loads(typed("runs", "list", "--where", "model=tiny", "--json"))) == 2
    assert "2 of 2" in typed("runs", "tag", "good", "first try", "second try")
    with pytest.raises(NotFoundError) as unknown:
        typed("runs", "stop", "frist try")
    assert unknown.value.hint == "Did you mean `first try`?"
    for wrong in (["data", "show", "row"], ["export", "first tri@7"], ["evaluate", "model:tiney"]):
        with pytest.raises(TunesmithError, match="Did you mean"):
            typed(*wrong)


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = create_app(with_window=False, with_engine=False)
    with TestClient(app, base_url="http://127.0.0.1:7860") as test_client:
        test_client.headers["authorization"] = f"Bearer {app.state.access.token}"
        yield test_client


def test_rest_takes_names_in_recipes_and_offers_what_was_meant(client: TestClient) -> None:
    stored_runs.add("x")

    def hint(**recipe: object) -> str:
        answer = client.post("/api/runs/check", json={"recipe": {"model_id": "tiny", "dataset_id": "rows"} | recipe})
        return str(answer.json()["error"]["hint"]) if answer.status_code != 200 else ""

    assert hint() == ""
    assert hint(dataset_id="rowz") == "Did you mean `rows`?"
    assert hint(learing_rate=1) == "There is no field `recipe.learing_rate`. Did you mean `learning_rate`?"
    body = {"nme": "x", "recipe": {"model_id": "tiny", "dataset_id": "rows"}}
    assert "Did you mean `name`?" in client.post("/api/runs", json=body).json()["error"]["hint"]
