"""The model server, as a real process with a tiny random model and real adapters, the same ones every time."""

import json
import signal
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from engine.process import events
from engine.workers.serve import serve
from tests.waiting import wait_for
from tests.workers.serve.running import Server


def test_it_says_ready_and_lists_its_names(server: Server) -> None:
    ready = server.recorded()[0]
    assert isinstance(ready, events.Ready), (server.out / "output.log").read_text()
    assert ready.address == f"unix:{server.socket}"
    assert Path(server.socket).stat().st_mode & 0o777 == 0o600
    with server.http() as client:
        names = [model["id"] for model in client.get("/v1/models").json()["data"]]
    assert names == ["m", "m:base", "m:one", "m:two", "m:whole", "m:judge", "m:judge2"] == ready.models


def test_a_server_to_which_adapters_will_come_imports_what_they_need_before_it_listens() -> None:
    assert "peft" in serve.needed({"expected": ["/a/run/adapter"]})
    assert "peft" not in serve.needed({"expected": [], "adapters": {}})


def test_base_and_every_tuned_model_answer_differently_and_each_always_the_same(server: Server) -> None:
    answers = {name: server.chat(name) for name in ("m:base", "m:one", "m:two", "m:whole")}
    assert len(set(answers.values())) == 4
    for name in reversed(answers):
        assert server.chat(name) == answers[name]
    assert server.chat("m") == answers["m:one"]


def test_questions_asked_together_get_the_answers_they_get_alone(server: Server) -> None:
    texts = ["hello", "a much longer question about the quick brown fox", "x", "what is 17 plus 6?"]
    alone = {(name, text): server.chat(name, text) for name in ("m:base", "m:one") for text in texts}
    with openai.OpenAI(base_url="http://server/v1", api_key="-", http_client=server.http()) as client:
        streams = {
            (name, text): client.chat.completions.create(
                model=name, messages=[{"role": "user", "content": text}], temperature=0, max_tokens=12, stream=True
            )
            for name, text in alone
        }
        together = {key: "".join(chunk.choices[0].delta.content or "" for chunk in streams[key]) for key in streams}
    assert together == alone


def test_a_seed_repeats_an_answer_and_no_seed_does_not(server: Server) -> None:
    seeded = [server.chat("m", temperature=1, seed=7, max_tokens=20) for _ in range(2)]
    assert seeded[0] == seeded[1]
    assert len({server.chat("m", temperature=1, max_tokens=20) for _ in range(3)}) == 3
    assert server.chat("m", temperature=1, seed=8, max_tokens=20) != seeded[0]
    assert server.chat("m", temperature=1, top_p=1e-6, seed=9) == server.chat("m")


def test_usage_and_the_reason_for_the_end_are_told(server: Server) -> None:
    answer = server.post("completions", model="m", prompt="hello", max_tokens=5, temperature=0).json()
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 5
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + 5
    assert answer["object"] == "text_completion"
    assert len(server.post("completions", model="m", prompt="hello").json()["choices"][0]["text"]) > 0


def test_a_stop_sequence_ends_the_answer_and_is_not_shown(server: Server) -> None:
    whole = server.chat("m", max_tokens=30)
    stop = whole[6:9]
    answer = server.post(
        "chat/completions",
        model="m",
        messages=[{"role": "user", "content": "hello"}],
        temperature=0,
        max_tokens=30,
        stop=[stop],
    ).json()["choices"][0]
    assert answer["message"]["content"] == whole[: whole.index(stop)]
    assert answer["finish_reason"] == "stop"


def test_several_choices_and_several_prompts_keep_their_places(server: Server) -> None:
    chat = server.post(
        "chat/completions", model="m", messages=[{"role": "user", "content": "hi"}], n=3, max_tokens=8, seed=1
    ).json()
    assert [choice["index"] for choice in chat["choices"]] == [0, 1, 2]
    assert len({choice["message"]["content"] for choice in chat["choices"]}) == 3
    body = {"model": "m", "max_tokens": 4, "temperature": 0}
    together = server.post("completions", prompt=["hello", "fox"], n=2, **body).json()
    alone = [server.post("completions", prompt=text, **body).json()["choices"][0]["text"] for text in ("hello", "fox")]
    assert [choice["text"] for choice in together["choices"]] == [alone[0], alone[0], alone[1], alone[1]]
    assert server.post("completions", prompt=[5, 6, 7], **body).status_code == 200


def test_a_stream_is_openais_with_role_end_usage_and_done(server: Server) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 6, "temperature": 0}
    with server.http() as client:
        options = {"stream": True, "stream_options": {"include_usage": True}}
        lines = client.post("/v1/chat/completions", json=body | options).text.split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-2]["choices"][0]["finish_reason"] == "length"
    assert (chunks[-1]["choices"], chunks[-1]["usage"]["completion_tokens"]) == ([], 6)
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks[:-1])
    assert text == server.chat("m", "hi", max_tokens=6)


def test_penalties_turn_the_answer_away_from_repeating(server: Server) -> None:
    plain = server.post("completions", model="m", prompt="a", max_tokens=40, temperature=0).json()
    turned = server.post(
        "completions", model="m", prompt="a", max_tokens=40, temperature=0, frequency_penalty=2, presence_penalty=2
    ).json()
    assert plain["choices"][0]["text"] != turned["choices"][0]["text"]


def test_a_client_that_goes_away_ends_the_work(server: Server) -> None:
    long = {"model": "m", "prompt": "hello", "max_tokens": 450, "n": 4}
    with server.http() as client, client.stream("POST", "/v1/completions", json=long | {"stream": True}) as answer:
        lines = answer.iter_lines()
        next(lines)
        assert server.in_flight() == 1
    wait_for(lambda: server.in_flight() == 0)
    with server.http() as client, pytest.raises(httpx.ReadTimeout):
        client.post("/v1/completions", json=long, timeout=0.2)
    wait_for(lambda: server.in_flight() == 0)


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("chat/completions", {"model": "m"}, 400, "`messages`"),
        ("chat/completions", {"model": "m", "messages": []}, 400, "`messages`"),
        ("chat/completions", {"model": "m", "messages": [{"role": "robot", "content": "x"}]}, 400, "messages.0.role"),
        ("chat/completions", {"model": "no", "messages": [{"role": "user", "content": "x"}]}, 404, "no model `no`"),
        ("completions", {"model": "m", "prompt": "x " * 600}, 400, "context is 512 tokens"),
        ("completions", {"model": "m", "prompt": "x", "max_tokens": 512}, 400, "context is 512 tokens"),
        ("completions", {"model": "m", "prompt": "x", "n": 9}, 400, "`n`"),
        ("completions", {"model": "m", "prompt": "x", "temperature": 3}, 400, "`temperature`"),
        ("completions", {"model": "m", "prompt": "x", "top_p": 0}, 400, "`top_p`"),
        ("completions", {"model": "m", "prompt": "x", "best_of": 3}, 400, "`best_of`"),
        ("completions", {"model": "m", "prompt": "x", "max_tokens": 0}, 400, "only for `echo: true`"),
        ("completions", {"model": "m", "prompt": [99999]}, 400, "not a token"),
        ("completions", {"model": "m", "prompt": ["x"] * 33}, 400, "At most 32"),
        ("completions", {"model": "m", "prompt": [[]]}, 400, "empty"),
        (
            "completions",
            {"model": "m", "prompt": "x", "response_format": {"type": "xml"}},
            400,
            "`response_format.type",
        ),
        ("completions", {"model": "m", "prompt": "x", "tools": [{"type": "function"}]}, 400, "`tools`"),
    ],
)
def test_wrong_requests_are_refused_in_openais_words(
    server: Server, path: str, body: dict[str, Any], status: int, said: str
) -> None:
    answer = server.post(path, **body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert said in error["message"]
    assert error["type"] == "invalid_request_error"


def test_what_only_steers_openais_own_service_is_passed_over(server: Server) -> None:
    extra: dict[str, Any] = {
        "user": "me",
        "store": False,
        "metadata": {},
        "logprobs": False,
        "stream": None,
        "seed": None,
        "n": None,
    }
    assert server.chat("m", **extra) == server.chat("m")
    parts = [{"type": "text", "text": "hello"}]
    answer = server.post(
        "chat/completions",
        model="m",
        messages=[{"role": "developer", "content": "x"}, {"role": "user", "content": parts}],
        max_completion_tokens=2,
    )
    assert answer.json()["usage"]["completion_tokens"] <= 2


def test_a_model_without_a_chat_template_says_so_and_sigterm_lets_an_answer_finish(
    spec: dict[str, Any], tiny_model: Path, tmp_path: Path
) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    for file in tiny_model.iterdir():
        if file.name == "tokenizer_config.json":
            settings = json.loads(file.read_text())
            settings.pop("chat_template", None)
            (plain / file.name).write_text(json.dumps(settings))
        elif file.name != "chat_template.jinja":
            (plain / file.name).symlink_to(file)
    names = {"model_path": str(plain), "adapters": {}, "names": {"m": ""}, "socket": str(tmp_path / "s")}
    running = Server(tmp_path / "out", spec | names)
    wait_for(running.recorded, 120)
    answer = running.post("chat/completions", model="m", messages=[{"role": "user", "content": "x"}])
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "no_chat_template")
    body = {"model": "m", "prompt": "hello", "max_tokens": 60, "stream": True, "seed": 1}
    with running.http() as client, client.stream("POST", "/v1/completions", json=body) as stream:
        lines = stream.iter_lines()
        next(lines)
        running.process.send_signal(signal.SIGTERM)
        assert "data: [DONE]" in list(lines)
    assert running.process.wait(60) == 0


def test_an_adapter_of_another_model_is_refused_in_plain_words(spec: dict[str, Any], tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    for file in Path(spec["adapters"]["one"]).iterdir():
        (wrong / file.name).write_bytes(file.read_bytes())
    config = json.loads((wrong / "adapter_config.json").read_text()) | {"r": 7}
    (wrong / "adapter_config.json").write_text(json.dumps(config))
    running = Server(
        tmp_path / "out", spec | {"adapters": {"w": str(wrong)}, "names": {"m": "w"}, "socket": str(tmp_path / "s")}
    )
    assert running.process.wait(120) == 1
    failed = running.recorded()[-1]
    assert isinstance(failed, events.Failed)
    assert failed.category == "config"
    assert "does not fit the model" in failed.message
