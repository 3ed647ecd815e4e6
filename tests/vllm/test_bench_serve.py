"""`vllm bench serve`, unchanged, against the gateway finds what the studio's own benchmark finds.

The server behind the gateway has a known speed, so that the two can be held to each other; only the client is vLLM's.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.server import create_app
from engine.accounts import keys
from engine.benchmarks import benchmarks
from engine.benchmarks.benchmarks import Wanted
from engine.benchmarks.load import Load
from engine.process import work
from storage import db, endpoints
from storage.statuses import WORK_MOVING
from tests import tunable_endpoint, tunable_server
from tests.rest import make_access
from tests.serving import http_server
from tests.vllm.bench_serve import Asked, of_vllm
from tests.waiting import wait_for

TOKEN_SECONDS = 0.025  # slow beside what a busy machine adds
WITHIN = 0.25
FIRST_WITHIN = 1.0  # the first token is mostly waiting for a turn: on a busy machine it doubles by itself
SAME = (
    "median_tpot_ms", "median_itl_ms", "median_e2el_ms", "output_throughput", "request_throughput",
)  # fmt: skip
ASKED = Asked(at_once=4, prompts=40, input_tokens=32, output_tokens=20)


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[str]:
    """The address of a gateway, with `jokes` behind it."""
    app = create_app(make_access(), with_window=False, with_engine=False)
    with tunable_server.running(tmp_path, TOKEN_SECONDS) as socket, http_server(app) as address:
        tunable_endpoint.served(socket)
        yield address


def ours(studio: str, endpoint_id: str) -> dict[str, Any]:
    """The studio's own benchmark of the same load. Looked at once a second: the gateway is in this process."""
    load = Load(concurrency=(ASKED.at_once,), prompts=ASKED.prompts, output_tokens=ASKED.output_tokens,
                input_tokens=ASKED.input_tokens, warmup=1)  # fmt: skip
    begun = benchmarks.create(Wanted(endpoint_id, load, gateway=studio))

    def is_over() -> bool:
        work.tick()
        benchmarks.tick()
        return benchmarks.look_up(begun.id).status not in WORK_MOVING

    wait_for(is_over, 120, every=1)
    [level] = benchmarks.describe(benchmarks.look_up(begun.id))["levels"]
    return dict(level)


def test_vllm_bench_serve_finds_the_same_through_the_gateway(studio: str, tiny_model: Path, vllm_python: Path) -> None:
    _key, secret = keys.create_key("vllm bench")
    with db.reading() as session:
        endpoint_id = endpoints.recent(session)[0].id
    before = ours(studio, endpoint_id)
    theirs = of_vllm(vllm_python, studio, secret, "jokes", tiny_model, ASKED)
    after = ours(studio, endpoint_id)
    assert theirs["completed"] == before["completed"] == ASKED.prompts
    assert theirs["total_output_tokens"] == before["total_output_tokens"] == ASKED.prompts * ASKED.output_tokens
    for part in ("mean", "median", "p99"):
        for time in ("ttft", "tpot", "itl", "e2el"):
            assert f"{part}_{time}_ms" in theirs.keys() & before.keys()
    compared = {name: (theirs[name], before[name], after[name]) for name in ("median_ttft_ms", *SAME)}
    print(compared)
    for name, (found, *own) in compared.items():
        within = FIRST_WITHIN if name == "median_ttft_ms" else WITHIN
        assert min(own) / (1 + within) <= found <= max(own) * (1 + within), (name, compared)
