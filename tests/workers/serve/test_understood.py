"""What each field of a request does, asked of a real server."""

import threading
import time
from typing import Any

import openai
import pytest
from transformers import AutoTokenizer

from tests.workers.serve.running import Server

END, BEGIN = "<|im_end|>", "<|im_start|>"
CALL = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Of a city.", "parameters": {}}}


def asked(server: Server, *turns: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The only choice, with the answer's usage."""
    messages = list(turns) or [{"role": "user", "content": "hello"}]
    body = {"model": "m", "messages": messages, "temperature": 0, "max_tokens": 8, **options}
    answer = server.post("chat/completions", **body)
    assert answer.status_code == 200, answer.text
    return {**answer.json()["choices"][0], "usage": answer.json()["usage"]}


def prompt_tokens(server: Server, *turns: dict[str, Any], **options: Any) -> int:
    return int(asked(server, *turns, max_tokens=1, **options)["usage"]["prompt_tokens"])


def content(choice: dict[str, Any]) -> str:
    return str(choice["message"]["content"])


def likes(tokenizer: AutoTokenizer, text: str, bias: float = 100) -> dict[str, float]:
    """A bias that makes one token the answer."""
    return {str(tokenizer.convert_tokens_to_ids(text)): bias}


def test_one_candidate_is_the_greedy_answer_at_any_temperature_and_seed(server: Server) -> None:
    greedy = content(asked(server))
    for only_one in ({"top_k": 1}, {"min_p": 1}, {"top_p": 1e-6}):
        for seed in (1, 2, 3):
            assert content(asked(server, temperature=2, seed=seed, **only_one)) == greedy
    assert len({content(asked(server, temperature=2, seed=seed, top_k=0)) for seed in (1, 2, 3)}) == 3


def test_a_penalty_and_a_bias_reach_the_tokens(server: Server, tokenizer: AutoTokenizer) -> None:
    plain = asked(server, max_tokens=40)
    assert content(asked(server, max_tokens=40, repetition_penalty=1.8)) != content(plain)
    assert content(asked(server, logit_bias=likes(tokenizer, "x"))) == "x" * 8
    first = server.post("completions", model="m", prompt="a", temperature=0, logprobs=0, max_tokens=1).json()
    token = first["choices"][0]["logprobs"]["tokens"][0]
    banned = server.post(
        "completions", model="m", prompt="a", temperature=0, max_tokens=1, logit_bias=likes(tokenizer, token, -100)
    )
    assert banned.json()["choices"][0]["text"] != first["choices"][0]["text"]


def test_a_special_token_ends_the_answer_when_it_is_a_stop(server: Server, tokenizer: AutoTokenizer) -> None:
    """It is hidden from the text, so a stop that is looked for in the text alone never comes."""
    forced = {"logit_bias": likes(tokenizer, BEGIN)}
    unstopped = asked(server, **forced)
    assert (content(unstopped), unstopped["finish_reason"]) == ("", "length")
    for stop in (BEGIN, ["never", BEGIN], BEGIN + BEGIN):
        stopped = asked(server, **forced, stop=stop)
        assert (content(stopped), stopped["finish_reason"]) == ("", "stop")
        assert stopped["usage"]["completion_tokens"] == (2 if stop == BEGIN * 2 else 1)
    by_id = asked(server, **forced, stop_token_ids=[tokenizer.convert_tokens_to_ids(BEGIN)])
    assert (by_id["finish_reason"], by_id["usage"]["completion_tokens"]) == ("stop", 1)
    assert content(asked(server, **forced, skip_special_tokens=False)) == BEGIN * 8
    shown = asked(server, **forced, skip_special_tokens=False, stop=BEGIN + BEGIN)
    assert (content(shown), shown["finish_reason"]) == ("", "stop")


def test_the_models_own_end_can_be_put_off_or_passed(server: Server, tokenizer: AutoTokenizer) -> None:
    forced = {"logit_bias": likes(tokenizer, END)}
    ended = asked(server, **forced)
    assert (ended["finish_reason"], ended["usage"]["completion_tokens"]) == ("stop", 1)
    late = asked(server, **forced, min_tokens=3)
    assert (late["finish_reason"], late["usage"]["completion_tokens"]) == ("stop", 4)
    passed = asked(server, **forced, ignore_eos=True)
    assert (passed["finish_reason"], passed["usage"]["completion_tokens"]) == ("length", 8)
    stopped = asked(server, **forced, ignore_eos=True, stop=END)
    assert (stopped["finish_reason"], stopped["usage"]["completion_tokens"]) == ("stop", 1)


def test_log_probabilities_are_those_of_the_tokens_drawn_streamed_or_not(server: Server) -> None:
    choice = asked(server, logprobs=True, top_logprobs=3)
    entries = choice["logprobs"]["content"]
    assert len(entries) == choice["usage"]["completion_tokens"]
    assert "".join(bytes(byte for entry in entries for byte in entry["bytes"]).decode(errors="replace")) == content(
        choice
    )
    for entry in entries:
        likeliest = entry["top_logprobs"]
        assert len(likeliest) == 3
        assert (likeliest[0]["token"], likeliest[0]["logprob"]) == (entry["token"], entry["logprob"])
        assert 0 > likeliest[0]["logprob"] >= likeliest[1]["logprob"] >= likeliest[2]["logprob"]
    with openai.OpenAI(base_url="http://server/v1", api_key="-", http_client=server.http()) as client:
        chunks = client.chat.completions.create(
            model="m",
            messages=[{"role": "user", "content": "hello"}],
            temperature=0,
            max_tokens=8,
            logprobs=True,
            stream=True,
        )
        told = [chunk.choices[0].logprobs for chunk in chunks]
    streamed = [entry.token for part in told if part for entry in part.content or []]
    assert streamed == [entry["token"] for entry in entries]
    assert asked(server, logprobs=True)["logprobs"]["content"][0]["top_logprobs"] == []
    assert asked(server, logprobs=False)["logprobs"] is None


def test_a_completions_log_probabilities_and_its_echo(server: Server, tokenizer: AutoTokenizer) -> None:
    body = {"model": "m", "prompt": "hello", "temperature": 0, "max_tokens": 5}
    choice = server.post("completions", **body, logprobs=2).json()["choices"][0]
    told = choice["logprobs"]
    for offset, token in zip(told["text_offset"], told["tokens"], strict=True):
        assert choice["text"][offset:].startswith("\ufffd" if token.startswith("bytes:") else token)
    assert [max(likeliest.values()) for likeliest in told["top_logprobs"]] == told["token_logprobs"]
    echoed = server.post("completions", **{**body, "prompt": ["hello", "fox"]}, echo=True, n=2).json()["choices"]
    assert all(entry["text"].startswith(word) for entry, word in zip(echoed, ["hello"] * 2 + ["fox"] * 2, strict=True))
    assert echoed[0]["text"] == echoed[1]["text"] == "hello" + choice["text"]
    of_tokens = server.post("completions", **{**body, "prompt": [8, 9]}, echo=True).json()["choices"][0]["text"]
    assert of_tokens.startswith(tokenizer.decode([8, 9]))


def test_calls_results_tools_and_variables_are_in_the_prompt(server: Server) -> None:
    user, empty = {"role": "user", "content": "hi"}, {"role": "assistant", "content": ""}
    plain = prompt_tokens(server, user, empty, user)
    called = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    assert prompt_tokens(server, user, called, user) > plain + 10
    result = {"role": "tool", "content": "sunny", "tool_call_id": "1"}
    assert prompt_tokens(server, user, called, result) > prompt_tokens(server, user, called, user)
    assert prompt_tokens(server, user, tools=[TOOL]) > prompt_tokens(server, user) + 20
    assert prompt_tokens(server, user, tools=[TOOL], tool_choice="none") == prompt_tokens(server, user)
    assert prompt_tokens(server, user, chat_template_kwargs={"shout": True}) > prompt_tokens(server, user)
    spoken = asked(server, user, tools=[TOOL])
    assert (spoken["finish_reason"], "tool_calls" in spoken["message"]) == ("length", False)  # it wrote no call


def test_a_turn_is_continued_or_none_is_begun(server: Server) -> None:
    user, begun = {"role": "user", "content": "hi"}, {"role": "assistant", "content": "fox"}
    body = {"model": "m", "temperature": 0, "max_tokens": 8}
    text = f"{BEGIN}user\nhi{END}\n{BEGIN}assistant\nfox"
    continued = server.post("completions", prompt=text, **body).json()["choices"][0]["text"]
    assert content(asked(server, user, begun, continue_final_message=True, add_generation_prompt=False)) == continued
    unbegun = server.post("completions", prompt=f"{BEGIN}user\nhi{END}\n", **body).json()
    assert content(asked(server, user, add_generation_prompt=False)) == unbegun["choices"][0]["text"]


@pytest.mark.parametrize(("text", "said"), [("loop", "ran for more than 1 s"), ("double", "more memory")])
def test_a_template_that_runs_wild_costs_its_own_request_alone(server: Server, text: str, said: str) -> None:
    answers: list[Any] = []
    hostile = {"model": "m", "messages": [{"role": "user", "content": text}], "max_tokens": 2}
    asking = threading.Thread(target=lambda: answers.append(server.post("chat/completions", **hostile)))
    asking.start()
    assert server.post("completions", model="m", prompt="a").status_code == 200
    assert content(asked(server)) == content(asked(server))
    began = time.monotonic()
    asking.join(60)
    assert time.monotonic() - began < 60
    error = answers[0].json()["error"]
    assert (answers[0].status_code, error["code"]) == (500, "template_stopped")
    assert said in error["message"]
