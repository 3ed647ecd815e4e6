"""`vllm bench serve`, unchanged, against the gateway finds what the studio's own benchmark finds.

The server behind the gateway has a known speed, so that the two can be held to each other; only the client is vLLM's.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.server import create_app
from engine.accounts import keys
from engine.benchmarks import benchmarks
from engine.benchmarks.benchmarks import Wanted
from engine.benchmarks.load import Load
from tests import tunable_server
from tests.rest import make_access
from tests.serving import http_server
from tests.vllm.bench_serve import Asked, of_vllm

NAMED = os.environ.get("TUNESMITH_VLLM_PYTHON")  # read now: each test begins without the studio's settings
ASKED = Asked(at_once=4, prompts=40, input_tokens=32, output_tokens=20)

pytestmark = [pytest.mark.vllm, pytest.mark.skipif(not NAMED, reason="TUNESMITH_VLLM_PYTHON names no vLLM")]


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[str]:
    """The address of a gateway, with `jokes` behind it."""
    app = create_app(make_access(), with_window=False, with_engine=False)
    with tunable_server.running(tmp_path) as socket, http_server(app) as address:
        tunable_server.served(socket)
        yield address


def test_vllm_bench_serve_finds_the_same_through_the_gateway(studio: str, tiny_model: Path) -> None:
    _key, secret = keys.create_key("vllm bench")
    theirs = of_vllm(Path(str(NAMED)), studio, secret, "jokes", tiny_model, ASKED)
    endpoint_id = httpx.get(
        f"{studio}/api/endpoints", headers={"authorization": f"Bearer {keys.create_key('owner', 'all')[1]}"}
    ).json()[0]["id"]
    load = Load(concurrency=(ASKED.at_once,), prompts=ASKED.prompts, output_tokens=ASKED.output_tokens,
                input_tokens=ASKED.input_tokens, warmup=1)  # fmt: skip
    begun = benchmarks.create(Wanted(endpoint_id, load, gateway=studio))
    [ours] = benchmarks.describe(benchmarks.wait(begun.id, 120))["levels"]
    assert theirs["completed"] == ours["completed"] == ASKED.prompts
    assert theirs["total_output_tokens"] == ours["total_output_tokens"] == ASKED.prompts * ASKED.output_tokens
    for name in ("median_tpot_ms", "median_itl_ms", "median_e2el_ms", "output_throughput", "request_throughput"):
        assert ours[name] == pytest.approx(theirs[name], rel=0.25), name
    for part in ("mean", "median", "p99"):
        for time in ("ttft", "tpot", "itl", "e2el"):
            assert f"{part}_{time}_ms" in theirs.keys() & ours.keys()
