"""A look at an outside address: every server is recognised by what it says, and one that lies gets a clear line."""

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from engine.errors import RefusedError
from engine.serve import outside_look
from engine.serve.outside_look import look
from engine.serve.outsiders.kinds import CLOUDS, Found, OutsideModel, models_in, ollama_context, paths, recognise
from tests.hostile_server import OK, Script, drip, flood, hostile, silent, text

# What the servers answer, as their documentation and sources have it.
TGI_INFO = {
    "model_id": "HuggingFaceTB/SmolLM2-135M-Instruct",
    "model_sha": "7e27bd9f95328f0f3b08261d1252705110c806f8",
    "model_pipeline_tag": "text-generation",
    "max_concurrent_requests": 128,
    "max_best_of": 2,
    "max_stop_sequences": 4,
    "max_input_tokens": 4095,
    "max_total_tokens": 4096,
    "validation_workers": 2,
    "max_client_batch_size": 4,
    "router": "text-generation-router",
    "version": "3.3.6",
    "sha": None,
    "docker_label": None,
}
SGLANG_MODEL = {"model_path": "qwen/qwen3-8b", "tokenizer_path": "qwen/qwen3-8b", "is_generation": True}
LLAMA_PROPS = {
    "default_generation_settings": {"id": 0, "n_ctx": 16384, "params": {}},
    "total_slots": 4,
    "model_path": "/models/gemma.gguf",
    "build_info": "b6123-abc1234",
}
LLAMA_META = {"vocab_type": 2, "n_vocab": 262144, "n_ctx_train": 131072, "n_embd": 2560}
OLLAMA_SHOW = {
    "parameters": 'stop                           "<|eot_id|>"',
    "model_info": {"general.architecture": "llama", "llama.context_length": 8192},
    "capabilities": ["completion", "tools"],
}
OLLAMA_TAGS = {"models": [{"name": "llama3.2:latest", "model": "llama3.2:latest", "size": 2019393189}]}
LM_STUDIO = {
    "object": "list",
    "data": [
        {"id": "qwen3-4b", "type": "llm", "compatibility_type": "gguf", "state": "loaded", "max_context_length": 32768}
        | {"loaded_context_length": 4096},
        {"id": "nomic-embed", "type": "embeddings", "compatibility_type": "gguf", "max_context_length": 2048},
    ],
}
LM_STUDIO_UNKNOWN = {"error": "Unexpected endpoint or method. (GET /info)"}

CASES: dict[str, tuple[Mapping[str, Any], list[Any], Found]] = {
    "tgi": (
        {"/info": TGI_INFO, "/health": True},
        [{"id": TGI_INFO["model_id"], "object": "model", "created": 0, "owned_by": TGI_INFO["model_id"]}],
        Found("TGI", "3.3.6", (OutsideModel("HuggingFaceTB/SmolLM2-135M-Instruct", 4096),)),
    ),
    "tgi that is not well": (
        {"/info": TGI_INFO},
        [],
        Found(
            "TGI",
            "3.3.6",
            (OutsideModel("HuggingFaceTB/SmolLM2-135M-Instruct", 4096),),
            ("Its /health says that its model does not answer now.",),
        ),
    ),
    "sglang": (
        {"/get_model_info": SGLANG_MODEL, "/get_server_info": {"version": "0.5.4", "context_length": 32768}},
        [{"id": "qwen/qwen3-8b", "object": "model", "owned_by": "sglang", "max_model_len": 40960}],
        Found("SGLang", "0.5.4", (OutsideModel("qwen/qwen3-8b", 40960),)),
    ),
    "llama.cpp": (
        {"/props": LLAMA_PROPS, "/health": {"status": "ok"}},
        [{"id": "gemma.gguf", "object": "model", "owned_by": "llamacpp", "meta": LLAMA_META}],
        Found("llama.cpp", "b6123-abc1234", (OutsideModel("gemma.gguf", 16384),)),
    ),
    "vllm": (
        {"/version": {"version": "0.32.0+cpu"}},
        [
            {"id": "base", "object": "model", "owned_by": "vllm", "root": "/m", "max_model_len": 2048},
            {"id": "sums", "object": "model", "owned_by": "vllm", "parent": "base", "max_model_len": None},
        ],
        Found("vLLM", "0.32.0+cpu", (OutsideModel("base", 2048), OutsideModel("sums"))),
    ),
    "lm studio": (
        {"/api/v0/models": LM_STUDIO, "/info": LM_STUDIO_UNKNOWN, "/api/version": LM_STUDIO_UNKNOWN},
        [{"id": "qwen3-4b", "object": "model", "owned_by": "organization_owner"}],
        Found("LM Studio", None, (OutsideModel("qwen3-4b", 4096),)),
    ),
    "tunesmith": (
        {},
        [{"id": "jokes", "object": "model", "owned_by": "tunesmith"}],
        Found("Tunesmith", None, (OutsideModel("jokes"),)),
    ),
    "a cloud's list": (
        {},
        [{"id": "big", "context_length": 128000}, {"id": "small", "context_window": 8192}, {"id": "old"}],
        Found(
            "OpenAI-compatible server",
            None,
            (OutsideModel("big", 128000), OutsideModel("small", 8192), OutsideModel("old")),
        ),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_server_is_recognised_by_what_it_says(name: str) -> None:
    answers, entries, found = CASES[name]
    assert recognise(answers, entries) == found


def test_ollama_is_recognised_and_says_where_it_cuts() -> None:
    found = recognise({"/api/version": {"version": "0.13.5"}, "/api/tags": OLLAMA_TAGS}, [])
    assert (found.server, found.version, found.models) == ("Ollama", "0.13.5", (OutsideModel("llama3.2:latest"),))
    assert "num_ctx" in found.notes[0]
    assert ollama_context(OLLAMA_SHOW) == 8192
    assert ollama_context(OLLAMA_SHOW | {"parameters": "num_ctx    65536\ntemperature 0.7"}) == 65536
    assert ollama_context("no") is None


def test_a_list_that_says_whose_it_is_spares_the_server_other_questions() -> None:
    assert paths([{"id": "base", "owned_by": "vllm"}]) == ("/version",)
    assert paths([{"id": "a", "owned_by": ["x"]}, 3]) == paths([])
    assert len(paths([])) == 9


@pytest.mark.parametrize(
    "entry",
    [7, None, [], {}, {"id": 3}, {"id": ""}, {"id": "a\nb"}, {"id": " a"}, {"id": "x" * 201}, {"id": {"a": 1}}],
)
def test_a_name_that_no_endpoint_can_keep_is_left_out(entry: Any) -> None:
    assert models_in([entry, {"id": "good"}, {"id": "good"}]) == (OutsideModel("good"),)


@pytest.mark.parametrize("context", [True, -1, 0, "8192", 10**30, 1.5, [1], None])
def test_a_context_that_cannot_be_one_is_unknown(context: Any) -> None:
    entry = {"id": "m", "max_model_len": context, "meta": "no"}
    assert models_in([entry]) == (OutsideModel("m"),)


@pytest.mark.parametrize("lie", [None, [], "text", 5, {"router": []}, {"models": "x"}, {"version": 3}, {"data": [1]}])
def test_a_server_that_says_nonsense_everywhere_is_not_taken_for_another(lie: Any) -> None:
    assert recognise(dict.fromkeys(paths([]), lie), [{"id": "m"}]).server == "OpenAI-compatible server"


def says(answer: Any) -> Script:
    return text(OK + b"\r\n" + json.dumps(answer).encode())


def test_an_address_without_its_v1_is_completed_and_the_server_named() -> None:
    scripts = {
        "/v1/models": says({"data": [{"id": "llama3.2:latest", "owned_by": "library"}]}),
        "/api/version": says({"version": "0.13.5"}),
        "/api/tags": says(OLLAMA_TAGS),
        "/api/show": says(OLLAMA_SHOW),
    }
    with hostile(scripts) as url:
        found = look(url.removesuffix("/v1"))
        assert found == look(url)
    assert (found.url, found.server, found.version) == (url, "Ollama", "0.13.5")
    assert found.models == (OutsideModel("llama3.2:latest", 8192),)
    assert found.problems == ()


def test_a_server_without_a_list_is_named_and_what_is_missing_said() -> None:
    with hostile({"/info": says(TGI_INFO), "/health": text(OK + b"\r\n")}) as url:
        found = look(url)
    assert (found.server, found.models[0].context) == ("TGI", 4096)
    assert found.problems == ("It has nothing at /v1/models.",)


HTML = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<p>Welcome</p>"
REDIRECT = b"HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: http://169.254.169.254/\r\n\r\n"


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (text(HTML), "It answers with a web page, not as OpenAI's API does."),
        (text(REDIRECT), "It redirects to http://169.254.169.254/, and redirects are not followed."),
        (text(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n"), "It wants a key: name the variable that holds it."),
        (text(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"), "It answers with status 500."),
        (says({"data": "none"}), "It does not answer as OpenAI's API does: no list of models."),
        (says({"data": []}), "It lists no model."),
        (text(OK + b"\r\n{"), "It does not answer as OpenAI's API does: no JSON."),
        (text(b"SSH-2.0-OpenSSH_9.2\r\n"), "It does not speak HTTP"),
        (drip(OK + b"\r\n"), "It took too long to answer."),
        (silent, "It took too long to answer."),
        (flood(OK + b"\r\n", b" " * (1 << 20), 5), "its answer is too large"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line_and_soon(
    script: Script, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside_look, "LOOK_SECONDS", 0.5 if "too long to" in problem else 50)
    began = time.monotonic()
    with hostile({"/v1/models": script}) as url:
        found = look(url)
    assert problem in found.problems[0]
    assert (found.server, found.models) in ((None, ()), ("OpenAI-compatible server", ()))
    assert time.monotonic() - began < 60  # some of them would never end


def test_paths_that_drip_take_no_more_than_the_look_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside_look, "LOOK_SECONDS", 3.0)
    monkeypatch.setattr(outside_look, "PATH_SECONDS", 0.5)
    scripts = {"/v1/models": says({"data": [{"id": "m"}]}), **{path: drip(OK + b"\r\n") for path in paths([])}}
    began = time.monotonic()
    with hostile(scripts) as url:
        found = look(url)
    assert time.monotonic() - began < 60  # some of them would never end
    assert (found.server, found.models) == ("OpenAI-compatible server", (OutsideModel("m"),))


def test_nobody_at_an_address_is_asked_once_and_said() -> None:
    with hostile({}) as url:
        pass
    assert "It cannot be reached" in look(url).problems[0]
    assert "Connection refused" in look(url).problems[0]


@pytest.mark.parametrize("url", ["http://169.254.169.254/v1", "file:///etc/passwd", "http://metadata/v1", "x"])
def test_an_address_that_is_not_allowed_is_not_asked(url: str) -> None:
    with pytest.raises(RefusedError, match="The address must"):
        look(url)


def test_a_key_that_is_not_set_is_named() -> None:
    with pytest.raises(RefusedError, match="NOT_THERE_API_KEY is not set"):
        look("http://127.0.0.1:9/v1", "NOT_THERE_API_KEY")


def test_a_refused_key_is_told_from_a_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD_API_KEY", "wrong")
    with hostile({"/v1/models": text(b"HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n")}) as url:
        assert look(url, "CLOUD_API_KEY").problems == ("It refuses the key.",)


def test_clouds_are_known_by_their_host_alone() -> None:
    assert all(host == host.lower() and "/" not in host for host in CLOUDS)
