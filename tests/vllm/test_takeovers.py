"""Real streams while one vLLM takes over from another, beside it or in its place: none fails, is cut or mixed."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from app.v1 import gateway
from engine.life.reconciler import tick
from engine.serve import endpoints
from engine.serve.rollout.asked import Rollout
from engine.serve.waking import waiting
from storage.statuses import EndpointStatus
from storage.tables import Model
from tests.serving import active, backend, http_server
from tests.starter import starter_model as starter_model
from tests.vllm import streams
from tests.vllm.adapters import model as model
from tests.vllm.adapters import trained, up
from tests.vllm.conftest import READY_SECONDS
from tests.waiting import wait_for

OPTIONS = {"kv_cache_gib": 0.5, "max_model_len": 512}


@pytest.fixture
def url(model: Model) -> Iterator[str]:
    """A gateway on its own."""
    app = FastAPI()
    app.include_router(gateway.router)
    with http_server(app) as address:
        yield address


def becomes(backend_id: str, status: EndpointStatus) -> None:
    """Rounds of the engine, as often as in a studio, until the backend has that status."""

    def has_become() -> bool:
        tick()
        now = backend(backend_id)
        assert now.status != EndpointStatus.FAILED, now.error
        return now.status == status

    wait_for(has_become, READY_SECONDS, every=0.5)


@pytest.mark.parametrize(("way", "rate"), [("beside", 1.0), ("replace", 1.0)])
def test_no_real_stream_fails_is_cut_or_mixed_while_a_new_version_takes_over(
    url: str, model: Model, monkeypatch: pytest.MonkeyPatch, way: str, rate: float
) -> None:
    monkeypatch.setattr(waiting, "WAIT_SECONDS", READY_SECONDS)  # as long as a start may take on a busy machine
    first, second = trained(model, 2)
    endpoint = endpoints.create_endpoint("jokes", "vllm", model.id, [first.id], OPTIONS)
    blue = up(endpoint)
    before = streams.version(url, "jokes")
    with streams.Load(url, "jokes", rate) as load:
        wait_for(lambda: load.streams.whole() > 5, 120)
        asked = Rollout.model_validate({"way": way})
        green = endpoints.deploy(endpoint.id, adapters=[second.id], asked=asked)
        becomes(green.id, EndpointStatus.READY)
        becomes(blue.id, EndpointStatus.STOPPED)
        answered = load.streams.whole()
        wait_for(lambda: load.streams.whole() > answered + 5, 300)
    after = streams.version(url, "jokes")
    found = load.streams
    words = f"word for word as before {found.of(before)}, as after {found.of(after)}"
    print(f"\n{way}: {found.sent} streams, longest {found.longest_seconds:.1f} s, {found.wrong}; {words}")
    assert not found.wrong
    assert found.whole() == found.sent
    assert found.mixed(before, after) == []
    assert found.of(before)
    assert found.of(after)
    assert active(endpoint).id == green.id
