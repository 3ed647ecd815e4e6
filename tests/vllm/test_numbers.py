"""The real vLLM started for embeddings: it becomes ready, gives vectors, and is noticed when its engine hangs."""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from engine.chat import chat
from engine.errors import RefusedError
from engine.process import footprint, process
from engine.serve import endpoints, probe, routing
from engine.serve.watching import pulse
from storage import home
from storage.statuses import EndpointStatus
from storage.tables import Backend
from tests.serving import active, end_all, ready_model, until
from tests.starter import starter_model as starter_model
from tests.waiting import wait_for

OPTIONS = {"kv_cache_gib": 0.5, "max_model_len": 512, "extra_args": "--runner pooling --convert embed"}


def test_a_vllm_of_embeddings_is_ready_by_a_vector_and_found_out_when_its_engine_hangs(
    monkeypatch: pytest.MonkeyPatch, starter_model: Path, vllm_python: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("TUNESMITH_VLLM_PYTHON", str(vllm_python))
    monkeypatch.setenv("VLLM_CACHE_ROOT", str(tmp_path))
    model = ready_model(starter_model, name="starter")
    endpoint = endpoints.create_endpoint("numbers", "vllm", model.id, options=OPTIONS)
    try:
        up = until(active(endpoint).id, EndpointStatus.READY, seconds=500)
        assert up.outcome == {"does": "embeddings"}
        upstream = routing.upstream("numbers")
        with probe.open_client(upstream.address, timeout=60) as client:
            answer = client.post("embeddings", json={"model": upstream.model, "input": "The capital of France"})
        assert len(answer.json()["data"][0]["embedding"]) == 576
        with pytest.raises(RefusedError, match="gives embeddings and writes no text"):
            next(chat.stream("numbers", [{"role": "user", "content": "hello"}]))
        _hangs(up, monkeypatch)
    finally:
        end_all()


def _rests(folder: Path) -> bool:
    """Whether it has computed next to nothing for ten seconds."""
    began, before = time.monotonic(), footprint.cpu_seconds(folder)
    wait_for(lambda: time.monotonic() - began > 10)
    return not pulse._worked(before, footprint.cpu_seconds(folder), time.monotonic() - began)


def _hangs(up: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home.backend_folder(up.id)
    wait_for(lambda: _rests(folder), 120)  # an idle one waits without spinning, as soon as its start is over
    for name, seconds in {"LOOK_SECONDS": 0.5, "QUESTION_EVERY_SECONDS": 0.0, "QUESTION_SECONDS": 5.0}.items():
        monkeypatch.setattr(pulse, name, seconds)
    shim = psutil.Process(process.shim_pid(folder))
    [engine] = [one for one in shim.children(recursive=True) if "EngineCore" in " ".join(one.cmdline())]
    os.kill(engine.pid, signal.SIGSTOP)
    with probe.open_client(str(up.address)) as client:
        assert client.get("http://backend/health").is_success  # it does not ask its engine
    hung = until(up.id, EndpointStatus.QUEUED, seconds=120)
    assert str(hung.error).startswith("Its process lives, computes nothing and did not answer 3 times")
    wait_for(lambda: not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE, 30)
