"""The starter model served by the real vLLM: what it answers, what follows when a process of it is killed, its end.

Each test waits until the endpoint answers, so each can be run alone.
"""

import json
from pathlib import Path
from typing import Any

import openai
import psutil
import pytest

from tests.vllm.conftest import NAME, OPTIONS, Client, kill
from tests.waiting import wait_for

CAPITAL = "What is the capital of France?"
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 20}, "people": {"type": "integer"}},
    "required": ["city", "people"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture
def ready(client: Client) -> Client:
    if (facts := client.endpoint())["status"] == "stopped":
        client.post(f"/api/endpoints/{facts['id']}/start")
    client.until("ready")
    return client


def test_it_answers_and_streams_and_tells_probabilities(ready: Client) -> None:
    assert "Paris" in ready.says(CAPITAL)
    assert ready.says(CAPITAL, f"{NAME}:base") == ready.says(CAPITAL)
    with openai.OpenAI(base_url=f"{ready.studio.url}/v1", api_key=ready.key, max_retries=0) as client:
        assert [model.id for model in client.models.list()] == [NAME, f"{NAME}:base"]
        question: Any = [{"role": "user", "content": CAPITAL}]
        asked: Any = {"model": NAME, "temperature": 0, "max_tokens": 24}
        chunks = list(client.chat.completions.create(messages=question, stream=True, **asked))
        assert len(chunks) > 3
        assert "Paris" in "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        scored = client.completions.create(model=NAME, prompt="Paris is", echo=True, logprobs=1, max_tokens=1)
        probabilities = scored.choices[0].logprobs
        assert probabilities
        assert len(probabilities.token_logprobs or []) >= 3


def test_an_answer_keeps_to_a_schema(ready: Client) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY, "strict": True}}
    question = [{"role": "user", "content": "Name a city and how many people live there, as JSON."}]
    answer = ready.ask("chat/completions", {"messages": question, "response_format": form, "max_tokens": 80})
    assert answer.status_code == 200, answer.text
    city = json.loads(answer.json()["choices"][0]["message"]["content"])
    assert set(city) == {"city", "people"}
    assert isinstance(city["people"], int)


def test_what_it_cannot_do_is_refused_and_not_passed_over(ready: Client) -> None:
    question = [{"role": "user", "content": CAPITAL}]
    assert ready.ask("chat/completions", {"messages": question, "tools": [TOOL]}).status_code == 400
    too_long = ready.ask("completions", {"prompt": "word " * 5000, "max_tokens": 1})
    assert too_long.status_code == 400
    adapter = {"lora_name": "x", "lora_path": "/etc"}
    assert ready.ask("load_lora_adapter", adapter).status_code == 403  # no key reaches further than OpenAI's calls
    assert ready.http.post("/v1/load_lora_adapter", json=adapter).status_code == 404  # nor does the owner


def test_its_memory_is_what_the_refusal_reckons_with(ready: Client) -> None:
    taken = sum(process.memory_info().rss for process in ready.processes())
    print(f"resident: {taken / 1e9:.2f} GB", {p.name(): f"{p.memory_info().rss / 1e9:.2f}" for p in ready.processes()})
    assert 2.5e9 < taken < 4e9


def test_a_cache_larger_than_the_memory_is_refused_before_anything_starts(ready: Client) -> None:
    model_id, before = ready.endpoint()["model_id"], {process.pid for process in ready.processes()}
    body = {"name": "large", "backend": "vllm", "model_id": model_id, "options": {"kv_cache_gib": 1000}}
    refused = ready.http.post("/api/endpoints", json=body)
    assert refused.status_code == 422
    assert "vLLM needs about 1.1 TB of memory" in refused.json()["error"]["message"]
    assert [facts["name"] for facts in ready.get("/api/endpoints")] == [NAME]
    assert {process.pid for process in ready.processes()} == before


@pytest.mark.parametrize("title", ["VLLM::EngineCore", "shim", "server"])
def test_whatever_process_is_killed_nothing_is_left_and_it_answers_again(ready: Client, title: str) -> None:
    before, attempts = ready.processes(), ready.endpoint()["restarts"]
    assert len(before) >= 4  # shim, API server, EngineCore, Worker
    kill(_process(ready, title))
    wait_for(lambda: ready.endpoint()["restarts"] > attempts, 30)
    facts = ready.until("ready")
    assert [process for process in before if process.is_running()] == []
    assert "Paris" in ready.says(CAPITAL)
    assert facts["error"] is None
    assert len(ready.processes()) <= len(before)


def _process(client: Client, title: str) -> psutil.Process:
    if title.startswith("VLLM"):
        return client.process(title)
    shim = json.loads((client.folder(client.endpoint()) / "shim.json").read_text())
    return psutil.Process(shim["shim" if title == "shim" else "worker"])


def test_a_start_with_every_option_takes_over_while_it_answers(ready: Client) -> None:
    """Blue and green: every option that runs on a CPU at once, and no request fails while they change places."""
    options = {
        **OPTIONS,
        "dtype": "bfloat16",
        "quantization": "int8_per_channel_weight_only",
        "kv_cache_dtype": "fp8",
        "max_num_seqs": 8,
        "max_num_batched_tokens": 2048,
        "enable_prefix_caching": False,
        "speculative_config": {"method": "ngram", "num_speculative_tokens": 2, "prompt_lookup_max": 3},
        "tool_call_parser": "hermes",
        "max_loras": 2,
        "max_lora_rank": 24,
        "extra_args": "--max-logprobs 5 --seed 7 --scheduling-policy priority",
    }
    facts = ready.endpoint()
    body = {"backend": "vllm", "model_id": facts["model_id"], "options": options}
    ready.post(f"/api/endpoints/{facts['id']}/deploy", body)
    answers = 0
    while (now := ready.endpoint())["backend_id"] == facts["backend_id"]:
        assert now["last_deployment_error"] is None, now
        assert ready.says(CAPITAL)
        answers += 1
    print(f"{answers} answers while the new one started")
    assert "Paris" in ready.says(CAPITAL)
    question = [{"role": "user", "content": CAPITAL}]
    tools = ready.ask("chat/completions", {"messages": question, "tools": [TOOL], "max_tokens": 8})
    assert tools.status_code == 200, tools.text


def test_a_stopped_endpoint_leaves_no_process_and_no_file(ready: Client) -> None:
    facts = ready.endpoint()
    folder = ready.folder(facts)
    temporary = Path(_environment(ready, facts)["TMPDIR"])
    assert temporary.is_relative_to(ready.studio.home)
    assert list(temporary.glob("vllm_dist_*"))  # left behind at each death, and elsewhere for ever
    ready.post(f"/api/endpoints/{facts['id']}/stop")
    ready.until("stopped", seconds=60)
    wait_for(lambda: ready.processes() == [], 30)  # also of the version before, if it has just been replaced
    assert not temporary.exists()
    assert not [path for path in folder.rglob("*") if path.is_socket()]
    assert (ready.studio.home / "cache" / "vllm").is_dir()


def _environment(client: Client, facts: dict[str, Any]) -> dict[str, str]:
    newest = max(client.folder(facts).glob("plan.*.json"), key=lambda path: path.stat().st_mtime)
    return dict(json.loads(newest.read_text())["env"])
