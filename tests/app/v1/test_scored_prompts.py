"""A vLLM that ends when prompts are scored beside adapters is never asked to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.v1 import gateway
from engine.process import plan
from engine.serve import endpoints, routing
from storage import db
from storage.tables import Backend, Endpoint
from tests import tunable_endpoint, tunable_server
from tests.serving import bring_up, end_all, finished_run, http_server, ready_model

SCORED = {"prompt": ["17 plus 6 equals 23", "1 plus 1 equals 3"], "echo": True, "logprobs": 1}
HARMLESS: list[dict[str, Any]] = [
    {"prompt": "a", "logprobs": 1},
    {"prompt": "a", "echo": True},
    {"prompt": "a", "echo": True, "logprobs": None},
    {"prompt": "a", "echo": False, "logprobs": 1, "prompt_logprobs": None},
]


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    app = FastAPI()
    app.include_router(gateway.router)
    with tunable_server.running(tmp_path) as socket, http_server(app) as address:
        tunable_endpoint.served(socket)
        yield f"{address}/v1"


def becomes(**values: Any) -> None:
    """The endpoint's backend is one of that kind, device and options."""
    with db.session() as session:
        endpoint = session.get_one(Endpoint, gateway_endpoint())
        session.get_one(Backend, endpoint.active_backend_id).sqlmodel_update(values)
    routing.forget()


def gateway_endpoint() -> str:
    return routing.upstream("jokes").endpoint_id


def ask(url: str, fields: dict[str, Any], route: str = "completions", model: str = "jokes") -> httpx.Response:
    return httpx.post(f"{url}/{route}", json={"model": model, "max_tokens": 1, **fields}, timeout=30)


@pytest.mark.parametrize("model", ["jokes", "jokes:base"])
@pytest.mark.parametrize("option", [{"enable_lora": True}, {"max_loras": 2}, {"max_lora_rank": 8}])
def test_log_probabilities_of_a_prompt_are_refused_where_they_would_end_the_server(
    url: str, option: dict[str, Any], model: str
) -> None:
    becomes(kind="vllm", device="cpu", options=option)
    refused = ask(url, SCORED, model=model)
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert (error["code"], error["param"]) == ("unsupported_parameter", "prompt_logprobs")
    assert error["message"].startswith(f"`{model}` is answered by vLLM on a CPU with adapters")
    assert ask(url, {"prompt": "a", "prompt_logprobs": 0}, model=model).status_code == 400
    chat = {"messages": [{"role": "user", "content": "a"}], "prompt_logprobs": 1}
    assert ask(url, chat, "chat/completions", model).status_code == 400
    for fields in HARMLESS:
        assert ask(url, fields, model=model).status_code == 200, fields


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "vllm", "device": "cpu", "options": {"max_model_len": 512}},
        {"kind": "vllm", "device": "cuda:0", "options": {"enable_lora": True}},
        {"kind": "transformers", "device": "cpu", "options": {}},
    ],
    ids=["no adapters", "on a GPU", "our own server"],
)
def test_they_are_passed_on_everywhere_else(url: str, values: dict[str, Any]) -> None:
    becomes(**values)
    assert ask(url, SCORED).status_code == 200


def test_an_adapter_that_was_loaded_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    app = FastAPI()
    app.include_router(gateway.router)
    run = finished_run(ready_model())
    bring_up(endpoints.create_endpoint("jokes", adapters=[run.id]))
    becomes(kind="vllm", device="cpu")
    with http_server(app) as address:
        for model in ("jokes", "jokes:base", f"jokes:{run.id}"):
            assert ask(f"{address}/v1", SCORED, model=model).status_code == 400
            assert ask(f"{address}/v1", {"prompt": "hello"}, model=model).status_code == 200
    becomes(kind="transformers")
    end_all()
