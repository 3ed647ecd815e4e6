"""Adapters of an endpoint, by REST, by the command line and through the gateway, with a small server behind them."""

import json
import threading
from collections.abc import Iterator

import openai
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from typer.testing import CliRunner

from app.cli.commands import cli
from app.v1 import gateway
from engine.process import plan
from engine.serve import adapter_loads, adapters, endpoints
from tests.serving import bring_up, end_all, finished_checkpoint, finished_run, http_server, ready_model


@pytest.fixture(autouse=True)
def fake_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    monkeypatch.setattr(adapter_loads, "SETTLE_SECONDS", 0)
    yield
    end_all()


def test_an_adapter_is_added_listed_and_removed_over_rest(owner: TestClient) -> None:
    model = ready_model()
    run = finished_run(model)
    finished_checkpoint(run, 30)
    body = {"name": "jokes", "adapters": [f"early={run.id}@30"]}
    created = owner.post("/api/endpoints", json=body)
    assert (created.status_code, created.json()["adapters"]) == (201, [f"{run.id}@30"])
    address = f"/api/endpoints/{created.json()['id']}"
    assert owner.post(f"{address}/adapters", json={"run_id": run.id}).status_code == 409  # it does not answer yet
    bring_up(endpoints.look_up(created.json()["id"]))
    added = owner.post(f"{address}/adapters", json={"run_id": run.id, "name": "prod"})
    assert added.status_code == 201
    facts = added.json()
    assert (facts["names"], facts["step"]) == ([f"jokes:{run.id}", "jokes:prod"], None)
    assert facts["load_seconds"] > 0
    shown = owner.get(address).json()
    assert shown["served_adapters"] == owner.get(f"{address}/adapters").json()
    assert [entry["step"] for entry in shown["served_adapters"]] == [30, None]
    assert shown["models"][-2:] == ["jokes:early", "jokes:prod"]
    assert owner.delete(f"{address}/adapters/{run.id}@30").status_code == 204
    assert owner.delete(f"{address}/adapters/{run.id}@30").status_code == 404
    assert owner.delete(f"{address}/adapters/jokes:prod").status_code == 204
    assert owner.get(address).json()["models"] == ["jokes", "jokes:base"]
    assert owner.post(f"{address}/adapters", json={"run_id": "nothing"}).status_code == 404
    foreign = finished_run(ready_model(name="other"))
    refused = owner.post(f"{address}/adapters", json={"run_id": foreign.id})
    assert (refused.status_code, "was trained on `other`" in refused.json()["error"]["message"]) == (422, True)
    for wrong in ({}, {"run_id": run.id, "step": -1}, {"run_id": run.id, "name": ""}, {"run_id": "../x"}):
        assert owner.post(f"{address}/adapters", json=wrong).status_code == 422


def test_the_command_line_does_the_same() -> None:
    run = finished_run(model := ready_model())
    bring_up(endpoints.create_endpoint("jokes", model_id=model.id))
    added = CliRunner().invoke(cli, ["endpoint", "adapter", "add", "jokes", f"run:{run.id}", "--as", "prod", "--json"])
    assert json.loads(added.stdout)["names"] == [f"jokes:{run.id}", "jokes:prod"]
    listed = CliRunner().invoke(cli, ["endpoint", "adapter", "list", "jokes"])
    assert (run.id in listed.output, " loaded " in listed.output, " ms " in listed.output) == (True, True, True)
    removed = CliRunner().invoke(cli, ["endpoint", "adapter", "remove", "jokes", "prod"])
    assert removed.exit_code == 0
    assert "jokes:prod" not in CliRunner().invoke(cli, ["endpoint", "adapter", "list", "jokes"]).output
    assert "no endpoint `x`" in str(CliRunner().invoke(cli, ["endpoint", "adapter", "list", "x"]).exception)


def test_streams_carry_the_public_name_and_none_fails_or_mixes_while_the_name_moves() -> None:
    model = ready_model()
    runs = [finished_run(model) for _ in range(3)]
    endpoint = endpoints.create_endpoint("jokes", model_id=model.id)
    bring_up(endpoint)
    adapters.add(endpoint.id, runs[0].id, name="prod")
    app = FastAPI()
    app.include_router(gateway.router)
    texts: list[str] = []
    failed: list[str] = []
    ending = threading.Event()

    def ask(url: str) -> None:
        with openai.OpenAI(base_url=f"{url}/v1", api_key="-", max_retries=0) as client:
            while not ending.is_set():
                try:
                    stream = client.chat.completions.create(
                        model="jokes:prod", messages=[{"role": "user", "content": "slow a b"}], stream=True
                    )
                    chunks = list(stream)
                    assert {chunk.model for chunk in chunks} == {"jokes:prod"}
                    texts.append("".join(chunk.choices[0].delta.content or "" for chunk in chunks))
                except (openai.APIError, AssertionError) as error:
                    failed.append(str(error))

    with http_server(app) as url:
        threads = [threading.Thread(target=ask, args=(url,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for run in [*runs[1:], runs[0], *runs[1:]]:
            adapters.add(endpoint.id, run.id, name="prod")
            for _ in range(3):
                adapter_loads.tick()
        ending.set()
        for thread in threads:
            thread.join()
    assert failed == []
    assert len(texts) >= 8
    assert {text.partition(" says")[0] for text in texts} <= {run.id for run in runs}
    assert all(text.endswith("slow a b ") and text.count("says") == 1 for text in texts)
