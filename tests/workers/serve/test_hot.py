"""Adapters loaded into the running model server, and let go, while others are answered. Real weights, tiny ones."""

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.workers.serve.load import load
from tests.waiting import wait_for
from tests.workers.serve.running import Server


@pytest.fixture(scope="module")
def hot(spec: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that started with its base alone."""
    folder = tmp_path_factory.mktemp("hot")
    alone = {"adapters": {}, "names": {"m": ""}, "socket": str(folder / "s")}
    running = Server(folder / "out", spec | alone)
    wait_for(lambda: running.recorded() or running.process.poll() is not None, 240)
    yield running
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(60) == 0


def put_in(server: Server, name: str, folder: str) -> Any:
    return server.post("load_lora_adapter", lora_name=name, lora_path=folder)


def take_out(server: Server, name: str) -> int:
    return int(server.post("unload_lora_adapter", lora_name=name).status_code)


def test_an_adapter_that_came_hot_answers_as_one_that_was_there_from_the_start(
    server: Server, hot: Server, spec: dict[str, Any]
) -> None:
    texts = ["hello", "a much longer question about the quick brown fox", "what is 17 plus 6?"]
    expected = {name: [server.chat(name, text) for text in texts] for name in ("m:base", "m:one", "m:two")}
    assert [hot.chat("m", text) for text in texts] == expected["m:base"]
    for name in ("one", "two"):
        answer = put_in(hot, name, spec["adapters"][name])
        assert answer.status_code == 200, answer.text
        assert answer.json()["size_bytes"] > 1000
        assert [hot.chat(name, text) for text in texts] == expected[f"m:{name}"]
        assert [hot.chat("m", text) for text in texts] == expected["m:base"]
    assert [hot.chat("one", text) for text in texts] == expected["m:one"]
    assert take_out(hot, "one") == 200
    assert [hot.chat("two", text) for text in texts] == expected["m:two"]
    assert [hot.chat("m", text) for text in texts] == expected["m:base"]
    assert hot.post("completions", model="one", prompt="x").status_code == 404
    assert put_in(hot, "one-again", spec["adapters"]["one"]).status_code == 200
    assert [hot.chat("one-again", text) for text in texts] == expected["m:one"]
    assert (take_out(hot, "one-again"), take_out(hot, "two"), take_out(hot, "two")) == (200, 200, 404)
    assert [hot.chat("m", text) for text in texts] == expected["m:base"]


def test_answers_that_are_being_written_stay_the_same_while_adapters_come_and_go(
    hot: Server, spec: dict[str, Any]
) -> None:
    assert put_in(hot, "first", spec["adapters"]["one"]).status_code == 200
    asked = {"m": 150, "first": 150}
    alone = {name: hot.chat(name, "hello", max_tokens=count) for name, count in asked.items()}
    wrong: list[str] = []
    answered, ending = [0], threading.Event()

    def ask(name: str) -> None:
        while not ending.is_set():
            body = {"model": name, "messages": [{"role": "user", "content": "hello"}], "temperature": 0}
            with hot.http() as client:
                text = client.post("/v1/chat/completions", json=body | {"max_tokens": asked[name], "stream": True}).text
            chunks = [json.loads(line[6:]) for line in text.split("\n\n") if line.startswith("data: {")]
            said = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks if "choices" in chunk)
            answered[0] += 1
            if said != alone[name] or "data: [DONE]" not in text:
                wrong.append(f"{name}: {text[-300:]}")

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("m", "first", "first")]
    for thread in threads:
        thread.start()
    for number in range(4):
        assert put_in(hot, f"b{number}", spec["adapters"]["two"]).status_code == 200
        hot.chat(f"b{number}")
        assert take_out(hot, f"b{number}") == 200
    ending.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert answered[0] >= 3
    assert take_out(hot, "first") == 200


def test_an_adapter_that_writes_an_answer_is_not_taken_out(hot: Server, spec: dict[str, Any]) -> None:
    assert put_in(hot, "busy", spec["adapters"]["one"]).status_code == 200
    body = {"model": "busy", "prompt": "hello", "max_tokens": 400, "stream": True, "ignore_eos": True}
    with hot.http() as client, client.stream("POST", "/v1/completions", json=body) as answer:
        lines = answer.iter_lines()
        next(lines)
        refused = hot.post("unload_lora_adapter", lora_name="busy")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "in_use")
        assert hot.post("completions", model="busy", prompt="x", max_tokens=1).status_code == 200
    wait_for(lambda: hot.in_flight() == 0)
    wait_for(lambda: take_out(hot, "busy") == 200)


@pytest.mark.parametrize(
    ("files", "status", "words"),
    [
        ((), 404, "there is no adapter"),
        (("adapter_config.json",), 404, "there is no adapter"),
        (("adapter_config.json", "damaged"), 400, "does not fit"),
        (("rank", "adapter_model.safetensors"), 400, "does not fit"),
    ],
)
def test_what_is_no_adapter_of_this_base_is_refused_and_the_base_answers_as_before(
    hot: Server, spec: dict[str, Any], tmp_path: Path, files: tuple[str, ...], status: int, words: str
) -> None:
    before, source = hot.chat("m"), Path(spec["adapters"]["one"])
    for name in files:
        if name == "damaged":
            (tmp_path / "adapter_model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
        elif name == "rank":
            config = json.loads((source / "adapter_config.json").read_text()) | {"r": 7}
            (tmp_path / "adapter_config.json").write_text(json.dumps(config))
        else:
            (tmp_path / name).write_bytes((source / name).read_bytes())
    answer = put_in(hot, "bad", str(tmp_path))
    assert (answer.status_code, words in answer.json()["error"]["message"]) == (status, True), answer.text
    assert hot.chat("m") == before
    assert hot.post("completions", model="bad", prompt="x").status_code == 404
    assert put_in(hot, "good", str(source)).status_code == 200
    assert put_in(hot, "good", str(source)).status_code == 400  # never in the place of another
    assert hot.chat("m") == before
    assert take_out(hot, "good") == 200


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")
@torch.no_grad()
def test_an_adapter_beside_a_base_in_bfloat16_changes_nothing_of_what_the_base_says(spec: dict[str, Any]) -> None:
    """The frequencies of positions are kept in float32: they are the base's, whoever is loaded on it."""
    plain = load(spec | {"adapters": {}, "names": {"m": ""}, "dtype": "bfloat16"})
    beside = load(spec | {"adapters": {"one": spec["adapters"]["one"]}, "names": {"m": ""}, "dtype": "bfloat16"})
    tokens = torch.arange(5, 205)[None]
    scores = []
    for loaded in (plain, beside):
        loaded.base.speak()
        scores.append(loaded.base.network(input_ids=tokens).logits)
    assert torch.equal(*scores)
