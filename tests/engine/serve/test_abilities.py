"""Servers that write no text: found out by asking, and told wherever text is wanted."""

from typing import Any

import pytest
from fastapi import FastAPI

from engine.chat import chat
from engine.errors import RefusedError
from engine.serve import endpoints, outside_look, parity, probe
from engine.serve.rollout.asked import Golden, Rollout
from engine.serve.takeover import handover
from pages.serve.parity_view import parity_html
from pages.serve.try_view import try_html
from storage import db
from storage.statuses import EndpointStatus
from storage.tables import Backend
from tests.serving import active, backend, bring_up, http_server, outside_api, ready_model, until

pytestmark = pytest.mark.usefixtures("fake_server")


@pytest.mark.parametrize(
    ("name", "does", "words", "call"),
    [
        ("embeds", "embeddings", "gives embeddings and writes no text", "Vector"),
        ("scores", "scores", "scores answers and writes no text", "Score"),
    ],
)
def test_a_server_of_numbers_becomes_ready_and_is_asked_for_nothing_else(
    name: str, does: str, words: str, call: str
) -> None:
    endpoint = endpoints.create_endpoint("numbers", model_id=ready_model(name=name).id)
    up = bring_up(endpoint)
    described = endpoints.describe(endpoints.look_up(endpoint.id))
    assert (described["status"], described["does"]) == ("ready", does)
    assert f" selected>{call}</option>" in try_html({"endpoint": endpoint.id})
    with pytest.raises(RefusedError, match=f"`numbers` {words}"):
        next(chat.stream("numbers", [{"role": "user", "content": "hello"}]))
    with db.session() as session:  # as vLLM, which has nothing else beside
        session.get_one(Backend, up.id).kind = "vllm"
    assert parity_html(endpoints.describe(endpoint), None) == ""
    with pytest.raises(RefusedError, match=f"A comparison needs written answers, and this server {words}"):
        parity.start(endpoint.id)


def test_a_trial_and_golden_prompts_are_refused_where_they_cannot_be_asked() -> None:
    endpoint = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    blue, embeds = bring_up(endpoint), ready_model(name="embeds")
    green = endpoints.deploy(endpoint.id, model_id=embeds.id, asked=Rollout(canary=0.5))
    failed = until(green.id, EndpointStatus.FAILED)
    assert failed.error == "The new version gives embeddings and writes no text; the version before writes text."
    assert active(endpoint).id == blue.id
    failed.rollout = Rollout(golden=[Golden(prompt="hello")]).model_dump()
    with pytest.raises(RefusedError, match="A golden prompt needs written answers, and this server gives embeddings"):
        handover.agrees(failed, "unix:/nowhere")
    failed.rollout = {"canary": 0.5}
    with db.session() as session:
        session.get_one(Backend, blue.id).outcome = {"does": "embeddings"}
    assert handover.agrees(failed, "unix:/nowhere")  # both do the same


def test_a_server_with_none_of_the_calls_fails_at_once_and_says_so() -> None:
    app = FastAPI()

    @app.get("/v1/models")
    def models() -> dict[str, Any]:
        return {"data": [{"id": "labels"}]}

    with (
        http_server(app) as url,
        pytest.raises(RefusedError, match="has none of /v1/completions, /v1/embeddings and /v1/score"),
    ):
        probe.answers(f"{url}/v1", ["labels"])


def test_an_outside_server_is_told_by_the_calls_it_has_and_asked_for_no_token() -> None:
    asked = list[dict[str, Any]]()
    with http_server(outside_api(asked)) as url:
        assert probe.outside_answers(f"{url}/v1", "big", None) == probe.Proof("", "text")
    assert not [request for request in asked if "body" in request]
    app = FastAPI()

    @app.get("/v1/models")
    def models() -> dict[str, Any]:
        return {"data": [{"id": "big"}]}

    @app.post("/v1/embeddings")
    def embed() -> None:
        asked.append({"body": "embed"})

    with http_server(app) as url:
        endpoint = endpoints.create_endpoint("far", "external", options={"url": f"{url}/v1", "model": "big"})
        assert bring_up(endpoint).outcome == {"does": "embeddings"}
    assert not [request for request in asked if "body" in request]


def test_text_embeddings_inference_is_known_though_it_lists_no_models() -> None:
    app = FastAPI()
    info = {"model_id": "BAAI/bge-small-en", "model_type": {"embedding": {"pooling": "cls"}}, "version": "1.7.2"}
    app.add_api_route("/info", lambda: {**info, "max_input_length": 512})
    with http_server(app) as url:
        seen = outside_look.look(f"{url}/v1")
        assert (seen.server, seen.version, seen.problems) == ("TEI", "1.7.2", ())
        assert [(model.id, model.context) for model in seen.models] == [("BAAI/bge-small-en", 512)]
        assert probe.outside_answers(f"{url}/v1", "BAAI/bge-small-en", None) == probe.Proof("", "embeddings")
        assert probe.outside_answers(f"{url}/v1", "other", None).problem == "It has nothing at /v1/models."


def test_what_a_server_does_is_found_out_again_when_it_starts_again() -> None:
    endpoint = endpoints.create_endpoint("numbers", model_id=ready_model(name="embeds").id)
    up = bring_up(endpoint)
    with db.session() as session:
        row = session.get_one(Backend, up.id)
        row.outcome, row.status = {"does": "scores", "golden": []}, EndpointStatus.STARTING
    until(up.id, EndpointStatus.READY)
    assert backend(up.id).outcome == {"does": "embeddings", "golden": []}
