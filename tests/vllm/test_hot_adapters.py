"""Two adapters hot on the real vLLM: loaded while it answers, swapped under a stream, loaded again after a kill."""

import json
import os
import signal
import threading

import pytest

from engine.errors import RefusedError
from engine.serve import adapter_loads, adapter_socket, adapters, endpoints, probe, routing
from storage import home
from storage.statuses import EndpointStatus
from storage.tables import Model
from tests.serving import active, until
from tests.starter import starter_model as starter_model
from tests.vllm.adapters import model as model
from tests.vllm.adapters import trained, up
from tests.waiting import wait_for


def ask(name: str) -> str:
    upstream = routing.upstream(name)
    body = {"model": upstream.model, "prompt": "The capital of France is", "max_tokens": 12, "temperature": 0}
    with probe.open_client(upstream.address, timeout=180) as client:
        answer = client.post("completions", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["text"])


def test_adapters_are_loaded_swapped_under_a_stream_and_loaded_again_after_a_kill(model: Model) -> None:
    first, second, large = trained(model, 3)
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
