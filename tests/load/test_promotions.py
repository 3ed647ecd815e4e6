"""Fifty streams a second while the alias that an endpoint follows is moved: none is lost, cut or mixed."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from app.v1 import gateway
from engine.life.reconciler import tick
from engine.process import plan
from engine.registry import aliases, following, versions
from engine.registry.aliases import Promotion
from tests.load.streams import Load
from tests.serving import bring_up, end_all, finished_run, http_server, ready_model
from tests.waiting import wait_for

A_SECOND = 50


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A gateway on its own, with the small fake server behind every endpoint."""
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    app = FastAPI()
    app.include_router(gateway.router)
    with http_server(app) as address:
        yield f"{address}/v1"
    end_all()


@pytest.mark.slow  # as long as two versions take to start, and the old ones to end
def test_no_stream_fails_while_production_is_promoted_and_rolled_back(url: str) -> None:
    model = ready_model()
    first, second = finished_run(model), finished_run(model)
    for run in (first, second):
        versions.add("jokes", run_id=run.id)
    aliases.move("jokes", "production", Promotion(1, "works"))
    bring_up(following.serve("funny", "version:jokes@production"))
    with Load(url, "funny", A_SECOND) as load:
        wait_for(lambda: load.streams.answered[first.id] > A_SECOND)
        aliases.move("jokes", "production", Promotion(2, "better"))
        served(2)
        wait_for(lambda: load.streams.answered[second.id] > A_SECOND)
        aliases.roll_back("jokes", "production", "worse")
        served(1)
        before = load.streams.answered[first.id]
        wait_for(lambda: load.streams.answered[first.id] > before + A_SECOND)
    print(load.streams)
    assert not load.streams.wrong
    assert sum(load.streams.answered.values()) == load.streams.sent
    assert set(load.streams.answered) == {first.id, second.id}


def served(number: int) -> None:
    """Rounds of the engine, as often as in a studio, until the follower serves that version."""

    def is_served() -> bool:
        tick()
        (state,) = following.states(versions.look_up("jokes", 1).registered_id)
        return (state["status"], state["version"]) == ("serving", number)

    wait_for(is_served, 60, every=0.5)
