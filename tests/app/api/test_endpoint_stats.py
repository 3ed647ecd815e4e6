"""Figures of an endpoint over REST, and what /metrics tells of it."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from app.server import create_app
from app.v1 import figures
from engine.process import footprint
from engine.serve import endpoints
from storage import db
from tests.app.v1.conftest import FakeServer, fake_server
from tests.rest import TOKEN, make_access
from tests.serving import http_server

__all__ = ["fake_server"]
OWNER = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def url(home: Path) -> Iterator[str]:
    with http_server(create_app(make_access(), with_window=False, with_engine=False)) as address:
        yield address


def test_figures_are_flat_and_null_where_nothing_was_measured(url: str, fake_server: FakeServer) -> None:
    endpoint = fake_server.serve()
    address = f"{url}/api/endpoints/{endpoint.id}/stats"
    idle = httpx.get(address, headers=OWNER, timeout=60).json()
    assert idle["requests_per_second"] == idle["tokens_per_second"] == idle["in_flight"] == idle["queued"] == 0
    assert {name for name, value in idle.items() if value is None} == {
        "first_token_ms_p50",
        "first_token_ms_p95",
        "between_tokens_ms_p50",
        "between_tokens_ms_p95",
        "memory_bytes",
        "kv_cache_share",
    }
    for content, stream in (("slow slow", True), ("hello", False), ("torn", True)):
        body = {"model": "jokes", "messages": [{"role": "user", "content": content}], "stream": stream}
        httpx.post(f"{url}/v1/chat/completions", json=body, headers=OWNER, timeout=60)
    busy = httpx.get(address, headers=OWNER, timeout=60).json()
    assert busy["requests_per_second"] == round(3 / 60, 3)
    assert busy["tokens_per_second"] == round((3 + 2 + 2) / 60, 3)
    assert busy["errors_last_minute"] == 1
    assert 150 < busy["between_tokens_ms_p95"] < 5000  # the slow words come a fifth of a second apart
    assert 0 < busy["first_token_ms_p50"] <= busy["first_token_ms_p95"] < 5000
    assert httpx.get(f"{url}/api/endpoints/nothing/stats", headers=OWNER, timeout=60).status_code == 404


def test_vllm_tells_its_cache_and_its_metrics_pass_through_with_the_endpoint(url: str, fake_server: FakeServer) -> None:
    first, _second = fake_server.serve("jokes", "vllm"), fake_server.serve("riddles", "vllm")
    stats = httpx.get(f"{url}/api/endpoints/{first.id}/stats", headers=OWNER, timeout=60).json()
    assert stats["kv_cache_share"] == 0.25
    body = {"model": "jokes", "messages": [{"role": "user", "content": "hello"}]}
    httpx.post(f"{url}/v1/chat/completions", json=body, headers=OWNER, timeout=60)
    text = httpx.get(f"{url}/metrics", headers=OWNER, timeout=60).text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    cache = families["vllm:kv_cache_usage_perc"].samples
    assert {sample.labels["endpoint"] for sample in cache} == {"jokes", "riddles"}
    assert {sample.labels["model_name"] for sample in cache} == {"m"}
    assert "python_info" not in families  # of vLLM's process
    assert {sample.labels["endpoint"] for sample in families["tunesmith_endpoint_in_flight"].samples} == {
        "jokes",
        "riddles",
    }
    counted = families["tunesmith_gateway_requests"].samples
    assert "jokes" in {sample.labels["endpoint"] for sample in counted}
    endpoints.stop_endpoint(first.id)
    with db.session() as session:
        session.delete(endpoints.look_up(first.id))
    text = httpx.get(f"{url}/metrics", headers=OWNER, timeout=60).text
    assert 'endpoint="jokes"' not in text  # series do not outlive what they are about


def test_a_backend_that_hangs_keeps_no_scrape_waiting(url: str, fake_server: FakeServer) -> None:
    fake_server.serve("jokes", "vllm")
    os.kill(fake_server.process.pid, 19)
    try:
        answer = httpx.get(f"{url}/metrics", headers=OWNER, timeout=60)
    finally:
        os.kill(fake_server.process.pid, 18)
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() < 10
    assert "vllm:" not in answer.text


def test_percentiles_are_right_to_a_twelfth() -> None:
    endpoint = figures.Figures()
    for milliseconds in range(1, 101):
        endpoint.first_token(milliseconds / 1000)
    summary = endpoint.summary()
    assert summary["first_token_ms_p50"] == pytest.approx(50, rel=0.09)
    assert summary["first_token_ms_p95"] == pytest.approx(95, rel=0.09)


def test_memory_is_that_of_everything_below_the_shim(tmp_path: Path) -> None:
    assert footprint.memory_bytes(tmp_path) is None


def test_keys_take_their_limits_over_rest(owner: TestClient) -> None:
    limits = {"models": ["jokes*"], "requests_per_minute": 5, "tokens_per_day": 1000, "expires_in": 60}
    made = owner.post("/api/keys", json={"name": "editor", **limits})
    assert made.status_code == 201, made.text
    listed = owner.get("/api/keys").json()[0]
    assert (listed["models"], listed["requests_per_minute"], listed["tokens_per_day"]) == (["jokes*"], 5, 1000)
    assert listed["expires_at"] > listed["created_at"]
    wrong: list[dict[str, object]] = [
        {"models": []},
        {"models": ["a b"]},
        {"requests_per_minute": 0},
        {"tokens_per_day": -1},
        {"expires_in": 0},
        {"scope": "all", "tokens_per_day": 5},
    ]
    for fields in wrong:
        answer = owner.post("/api/keys", json={"name": "editor", **fields})
        assert answer.status_code == 422, fields
