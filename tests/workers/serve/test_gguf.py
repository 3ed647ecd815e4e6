"""The server of a GGUF file, for real: llama.cpp's library on a tiny model says what transformers say."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.process import events
from engine.workers.exports.gguf import converter
from tests.llama_runtime import llama_runtimes
from tests.starter import starter_model
from tests.waiting import wait_for
from tests.workers.exports import little_llama
from tests.workers.serve.running import Server

__all__ = ["llama_runtimes", "starter_model"]
pytestmark = pytest.mark.slow
QUESTIONS = ("What is 17 plus 6?", "안녕하세요, 누구세요?", "Name a fruit.")
SHAPE = {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"], "additionalProperties": False}


@pytest.fixture(scope="module")
def base(starter_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return little_llama.make(tmp_path_factory.mktemp("little") / "base", starter_model)


@pytest.fixture(scope="module")
def server(base: Path, llama_runtimes: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, runtime = tmp_path_factory.mktemp("served"), llama_runtimes / "llama"
    converter.stage(base, folder / "model")
    file = folder / "little.gguf"
    converter.convert(
        runtime, converter.MODEL, [str(folder / "model"), "--outtype", "f32", "--outfile", str(file)], folder
    )
    spec = {
        "model_path": str(file), "libraries": str(runtime / "lib"), "names": {"little": ""}, "ctx_size": 0,
        "parallel": 2, "threads": 1, "socket": str(folder / "s.sock"),
    }  # fmt: skip
    running = Server(folder / "out", spec, "engine.workers.serve.gguf.serve")
    try:
        wait_for(lambda: any(isinstance(event, events.Ready) for event in running.recorded()), 120)
        yield running
    finally:
        running.process.terminate()
        assert running.process.wait(30) == 0


def by_transformers(base: Path, question: str) -> str:
    tokenizer, model = AutoTokenizer.from_pretrained(base), AutoModelForCausalLM.from_pretrained(base)
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": question}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    with torch.no_grad():
        said = model.generate(**asked, max_new_tokens=12, do_sample=False)
    return str(tokenizer.decode(said[0, asked["input_ids"].shape[1] :], skip_special_tokens=True))


def test_it_answers_as_transformers_do_also_several_at_once_and_more_than_it_has_places_for(
    server: Server, base: Path
) -> None:
    expected = [by_transformers(base, question) for question in QUESTIONS]
    with ThreadPoolExecutor(6) as threads:
        said = list(threads.map(lambda question: server.chat("little", question), QUESTIONS * 2))
    assert said == expected * 2


def test_seeds_forms_prompts_and_refusals_are_those_of_the_studios_own_server(server: Server) -> None:
    drawn = [server.chat("little", "hello", temperature=1, seed=5) for _ in range(2)]
    assert drawn[0] == drawn[1]
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": SHAPE}}
    assert set(json.loads(server.chat("little", "hello", response_format=form, max_tokens=64))) == {"a"}
    echoed = server.post("completions", model="little", prompt="안녕, sky", max_tokens=0, echo=True, logprobs=1).json()
    logprobs = echoed["choices"][0]["logprobs"]
    assert echoed["choices"][0]["text"] == "안녕, sky"
    assert logprobs["token_logprobs"][0] is None
    assert all(value < 0 for value in logprobs["token_logprobs"][1:])
    assert logprobs["text_offset"][-1] <= len("안녕, sky")
    assert server.post("embeddings", model="little", input="a").status_code == 404
    long = server.post("completions", model="little", prompt=[1] * 2000).json()
    assert long["error"]["code"] == "context_length_exceeded"
    assert server.in_flight() == 0
