"""lm-eval, unchanged, asks the gateway: vLLM and the studio's own server give the same log-likelihoods.

TUNESMITH_LM_EVAL_PYTHON names a Python with `lm-eval[api]` and transformers; without one the test is left out.
"""

import os
from pathlib import Path

import pytest

from tests.starter import starter_model as starter_model
from tests.vllm.conftest import NAME, Client
from tests.vllm.lm_eval_check import Harness, furthest, likelihoods
from tests.waiting import wait_for

NAMED = os.environ.get("TUNESMITH_LM_EVAL_PYTHON")  # read now: each test begins without the studio's settings
ROWS = 12
CLOSE = 0.5  # both compute in bfloat16, each in its own way


@pytest.mark.skipif(not NAMED, reason="TUNESMITH_LM_EVAL_PYTHON names no Python with lm-eval")
def test_lm_eval_finds_the_same_of_vllm_and_of_the_studios_own_server(client: Client, starter_model: Path) -> None:
    if client.endpoint()["status"] == "stopped":
        client.post(f"/api/endpoints/{client.endpoint()['id']}/start")
    model_id = client.until("ready")["model_id"]
    own = client.post("/api/endpoints", {"name": "own", "model_id": model_id})
    wait_for(lambda: client.get(f"/api/endpoints/{own['id']}")["status"] == "ready", 200, every=0.5)
    harness = Harness(Path(str(NAMED)), client.studio.url, client.key, starter_model, ROWS)
    by_vllm, by_own, chat = harness.choice(NAME), harness.choice("own"), harness.chat(NAME)
    print(f"\nchoice: vLLM {by_vllm.metrics}, own {by_own.metrics}, furthest {furthest(by_vllm, by_own):.3f}; {chat}")
    assert len(likelihoods(by_vllm)) == 4 * ROWS
    assert furthest(by_vllm, by_own) < CLOSE
    assert abs(by_vllm.metrics["acc"] - by_own.metrics["acc"]) <= 1 / ROWS
    assert len(chat.answers) == ROWS
    assert all(answer[0][0].strip() for answer in chat.answers)
    client.http.delete(f"/api/endpoints/{own['id']}")
