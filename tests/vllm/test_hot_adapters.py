"""Two adapters hot on the real vLLM: loaded while it answers, swapped under a stream, loaded again after a kill."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import RefusedError
from engine.serve import adapter_loads, adapter_socket, adapters, endpoints, probe, routing
from storage import home
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint, Model
from tests.serving import active, end_all, finished_run, ready_model, until
from tests.starter import starter_model as starter_model
from tests.waiting import wait_for

MAKE = """
import sys, torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM
base = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
for number, folder in enumerate(sys.argv[2:]):
    torch.manual_seed(number)
    rank = 16 if number == 2 else 8
    model = get_peft_model(base, LoraConfig(r=rank, lora_alpha=rank, target_modules="all-linear"))
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.06)
    model.save_pretrained(folder)
    base = model.unload()
"""


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, starter_model: Path, vllm_python: Path) -> Iterator[Model]:
    """The starter model, ready; vLLM within little memory, its caches in the test's folder."""
    monkeypatch.setenv("TUNESMITH_VLLM_PYTHON", str(vllm_python))
    for name, value in {"VLLM_CPU_KVCACHE_SPACE": "1", "SPT_NOENV": "1", "VLLM_CACHE_ROOT": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(adapter_loads, "SETTLE_SECONDS", 1)
    yield ready_model(starter_model, name="starter")
    end_all()


def ask(name: str) -> str:
    upstream = routing.upstream(name)
    body = {"model": upstream.model, "prompt": "The capital of France is", "max_tokens": 12, "temperature": 0}
    with probe.open_client(upstream.address, timeout=180) as client:
        answer = client.post("completions", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["text"])


def up(endpoint: Endpoint) -> Backend:
    backend = until(active(endpoint).id, EndpointStatus.READY, seconds=500)
    assert backend.restarts == 0 or backend.attempt > 1
    return backend


def test_adapters_are_loaded_swapped_under_a_stream_and_loaded_again_after_a_kill(model: Model) -> None:
    runs = [finished_run(model) for _ in range(3)]
    folders = [home.run_folder(run.id) / "adapter" for run in runs]
    for folder in folders:
        shutil.rmtree(folder)
    subprocess.run([sys.executable, "-W", "ignore", "-c", MAKE, str(model.path), *map(str, folders)], check=True)
    first, second, large = runs
    options = {"enforce_eager": True, "max_model_len": 512, "max_lora_rank": 8}
    endpoint = endpoints.create_endpoint("jokes", "vllm", model.id, [first.id], options)
    up(endpoint)
    base, tuned = ask("jokes:base"), ask("jokes")

    facts = adapters.add(endpoint.id, second.id, name="prod")
    print(f"\nloaded hot in {facts['load_seconds'] * 1000:.0f} ms, {facts['size_bytes']:,} bytes")
    other = ask("jokes:prod")
    assert len({base, tuned, other}) == 3, (base, tuned, other)
    with pytest.raises(RefusedError, match="has rank 16; this endpoint takes up to 8"):
        adapters.add(endpoint.id, large.id)

    texts: list[str] = []
    old = routing.upstream("jokes:prod")
    thread = threading.Thread(target=lambda: texts.append(streamed(old)))
    thread.start()
    wait_for(lambda: adapter_socket.busy(old.address) == {old.model}, seconds=30)
    adapters.add(endpoint.id, first.id, name="prod")
    assert ask("jokes:prod") == tuned  # by the next request
    adapter_loads.tick()
    thread.join()
    assert texts[0].startswith(other)  # the answer begun before is the old adapter's to its end
    wait_for(lambda: only_one_left(old.address), seconds=60)
    assert [ask(name) for name in ("jokes", "jokes:base", "jokes:prod")] == [tuned, base, tuned]

    adapters.add(endpoint.id, second.id, name="second")
    backend = active(endpoint)
    os.kill(json.loads((home.backend_folder(backend.id) / "shim.json").read_text())["worker"], signal.SIGKILL)
    until(backend.id, EndpointStatus.QUEUED)
    up(endpoint)
    assert [ask(name) for name in ("jokes", "jokes:base", "jokes:prod", "jokes:second")] == [tuned, base, tuned, other]


def streamed(upstream: routing.Upstream) -> str:
    body = {"model": upstream.model, "prompt": "The capital of France is", "temperature": 0, "stream": True}
    with (
        probe.open_client(upstream.address, timeout=120) as client,
        client.stream("POST", "completions", json=body | {"max_tokens": 60, "ignore_eos": True}) as answer,
    ):
        lines = [line[6:] for line in answer.iter_lines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    assert {chunk["model"] for chunk in chunks} == {upstream.model}
    return "".join(chunk["choices"][0]["text"] for chunk in chunks)


def only_one_left(address: str) -> bool:
    adapter_loads.tick()
    return loaded(address) == {routing.upstream("jokes").model}


def loaded(address: str) -> set[str]:
    with probe.open_client(address) as client:
        return {entry["id"] for entry in client.get("models").json()["data"] if entry["id"].startswith("adapter-")}
