"""Fifty streams a second while what answers them is replaced, stopped first, tried, or put to sleep: none is lost."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from app.v1 import gateway
from engine.life.reconciler import tick
from engine.process import plan
from engine.serve import endpoints
from engine.serve.rollout.asked import Rollout
from storage.statuses import EndpointStatus
from tests.load.streams import Load
from tests.serving import active, backend, bring_up, end_all, finished_run, http_server, ready_model
from tests.waiting import wait_for

A_SECOND = 50
HELD_A_SECOND = 20  # while requests wait, at most waiting.MOST_WAITING of them


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A gateway on its own, with the small fake server behind every endpoint."""
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    app = FastAPI()
    app.include_router(gateway.router)
    with http_server(app) as address:
        yield f"{address}/v1"
    end_all()


def becomes(backend_id: str, status: EndpointStatus) -> None:
    """Rounds of the engine, as often as in a studio, until the backend has that status."""

    def has_become() -> bool:
        tick()
        return backend(backend_id).status == status

    wait_for(has_become, 60, every=0.5)


@pytest.mark.slow  # as long as a new version takes to start, and an old one to end
@pytest.mark.parametrize(
    ("asked", "rate"),
    [
        (Rollout(way="beside"), A_SECOND),
        (Rollout(way="beside", canary=0.5, canary_seconds=2), A_SECOND),
        (Rollout(way="replace"), HELD_A_SECOND),
    ],
    ids=["beside", "on trial", "replaced"],
)
def test_no_stream_fails_is_cut_or_mixed_while_a_new_version_takes_over(url: str, asked: Rollout, rate: int) -> None:
    model = ready_model()
    first, second = finished_run(model), finished_run(model)
    endpoint = endpoints.create_endpoint("jokes", adapters=[first.id])
    blue = bring_up(endpoint)
    with Load(url, "jokes", rate) as load:
        wait_for(lambda: load.streams.answered[first.id] > rate)
        green = endpoints.deploy(endpoint.id, adapters=[second.id], asked=asked)
        becomes(green.id, EndpointStatus.READY)
        becomes(blue.id, EndpointStatus.STOPPED)
        wait_for(lambda: load.streams.answered[second.id] > rate)
    print(f"{asked}: {load.streams}")
    assert not load.streams.wrong
    assert sum(load.streams.answered.values()) == load.streams.sent
    assert set(load.streams.answered) == {first.id, second.id}
    assert active(endpoint).id == green.id
