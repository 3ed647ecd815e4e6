"""Answers in OpenAI's shapes, and what is looked for in their text as it comes: stops and calls of tools."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from engine.workers.serve.answers import Collected, Completion
from engine.workers.serve.calls import Call, CallFilter, found_calls
from engine.workers.serve.choices import Echo
from engine.workers.serve.logprobs import Words
from engine.workers.serve.questions import Piece, token_score
from engine.workers.serve.requests import ChatRequest
from engine.workers.serve.text import StopFilter, TokenText

CALLED = '<tool_call>\n{"name": "weather", "arguments": {"city": "Rom\u00e9"}}\n</tool_call>'
ANSWER = f"Let me see.\n{CALLED}\n{CALLED}"
TOOL = {"type": "function", "function": {"name": "weather"}}
PARTS = ["<", "<tool_call>", "</tool_call>", CALLED, " ", "\n", "a", "{}", '{"name": 1}']


def completion(**options: Any) -> Completion:
    request = ChatRequest.model_validate(
        {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [TOOL], **options}
    )
    return Completion("chat.completion", request, [], Words(None), [Echo()])


def pieces(text: str, size: int, finish: Any = "stop") -> list[Piece]:
    parts = [text[start : start + size] for start in range(0, len(text), size)]
    return [*(Piece(0, part) for part in parts), Piece(0, "", finish)]


def whole(answer: Completion, parts: list[Piece]) -> dict[str, Any]:
    collected = Collected(answer)
    for piece in parts:
        collected.add(piece)
    return dict(collected.body()["choices"][0])


def streamed(answer: Completion, parts: list[Piece]) -> list[dict[str, Any]]:
    async def given_out() -> AsyncIterator[Piece]:
        for piece in parts:
            yield piece

    async def all_chunks() -> list[dict[str, Any]]:
        return [chunk async for chunk in answer.chunks(given_out())]

    return asyncio.run(all_chunks())


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_calls_in_an_answer_are_told_apart_from_its_words(size: int) -> None:
    choice = whole(completion(), pieces(ANSWER, size))
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Let me see.", "tool_calls")
    calls = choice["message"]["tool_calls"]
    assert [json.loads(call["function"]["arguments"]) for call in calls] == [{"city": "Romé"}] * 2
    assert len({call["id"] for call in calls}) == 2
    assert {(call["type"], call["function"]["name"]) for call in calls} == {("function", "weather")}
    only = whole(completion(parallel_tool_calls=False), pieces(CALLED + CALLED, size))["message"]
    assert (only["content"], len(only["tool_calls"])) == (None, 1)
    unoffered = whole(completion(tool_choice="none"), pieces(ANSWER, size))
    assert (unoffered["message"]["content"], unoffered["finish_reason"]) == (ANSWER, "stop")


def test_a_call_that_is_cut_off_or_no_call_is_shown_as_words() -> None:
    for text in (
        CALLED[:-3],
        "<tool_call>{}</tool_call>",
        "a < b",
        "<tool_call",
        f"<tool_call>{{'x'</tool_call> {CALLED[:5]}",
    ):
        choice = whole(completion(), pieces(text, 2, "length"))
        assert (choice["message"], choice["finish_reason"]) == ({"role": "assistant", "content": text}, "length")


def test_a_stream_tells_each_call_once_and_whole() -> None:
    chunks = streamed(completion(stream=True, stream_options={"include_usage": True}), pieces(ANSWER, 3))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    calls = [call for delta in deltas for call in delta.get("tool_calls", [])]
    assert [(call["index"], json.loads(call["function"]["arguments"])["city"]) for call in calls] == [
        (0, "Romé"),
        (1, "Romé"),
    ]
    assert "".join(delta.get("content", "") for delta in deltas) == "Let me see."
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)  # as OpenAI's
    assert chunks[-1]["usage"]["total_tokens"] == 0
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"


@given(st.lists(st.sampled_from(PARTS), max_size=8), st.integers(1, 40))
def test_words_and_calls_do_not_depend_on_where_the_pieces_end(parts: list[str], size: int) -> None:
    text = "".join(parts)
    calls = CallFilter()
    words = ""
    for start in range(0, len(text), size):
        words += calls.add(text[start : start + size])[0]
    words += calls.rest()
    assert calls.calls == found_calls(text)
    if not calls.calls:
        assert words == text
    assert "weather" not in words or Call("weather", '{"city": "Romé"}') not in found_calls(words)


def test_hidden_text_counts_for_stops_and_is_not_shown() -> None:
    stop = StopFilter(["one<|end|>", "<|end|>two"])
    assert [stop.add("on"), stop.add("e"), stop.add("<|end|>", is_shown=False)] == ["", "", ""]
    assert stop.stopped
    stop = StopFilter(["<|end|>\nuser"])
    assert [stop.add("done"), stop.add("<|end|>", is_shown=False), stop.add("\nus")] == ["done", "", ""]
    assert stop.add("ual") == "\nusual"  # a near miss: the hidden token stays hidden
    assert not stop.stopped


def test_a_special_token_is_told_only_where_a_stop_has_it(tokenizer: AutoTokenizer) -> None:
    tokens = tokenizer("fox<|im_end|>dog", add_special_tokens=False)["input_ids"]
    plain, stopping = TokenText(tokenizer, ["dog"]), TokenText(tokenizer, ["<|im_end|>d"])
    assert "".join(text for token in tokens for text, _ in plain.add(token)) == "foxdog"
    told = [part for token in tokens for part in stopping.add(token) if part[0]]
    assert ("<|im_end|>", False) in told
    assert "".join(text for text, is_shown in told if is_shown) == "foxdog"


def test_each_tokens_bytes_are_told_of_any_kind_of_vocabulary(tokenizer: AutoTokenizer) -> None:
    text = "naïve 🦜 日本語 done"
    words, tokens = Words(tokenizer), tokenizer(text, add_special_tokens=False)["input_ids"]
    assert bytes(byte for token in tokens for byte in words.bytes(token)).decode() == text
    names = ["<unk>", "▁he", "llo", "<0xF0>", "<0x9F>", "<0xA6>", "<0x9C>"]
    pieces = Tokenizer(
        models.BPE(vocab={name: place for place, name in enumerate(names)}, merges=[], byte_fallback=True)
    )
    pieces.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    words = Words(PreTrainedTokenizerFast(tokenizer_object=pieces))
    assert [words.text(token) for token in (1, 2)] == [" he", "llo"]
    assert bytes(byte for token in (1, 2, 3, 4, 5, 6) for byte in words.bytes(token)).decode() == " hello🦜"


def test_the_log_probability_of_what_cannot_be_is_a_number() -> None:
    scores = torch.tensor([0.0, -torch.inf, 1.0])
    told = token_score(scores, 1, 3)
    assert told.logprob == -9999.0
    assert [token for token, _ in told.likeliest] == [2, 0, 1]
    assert json.dumps(told.likeliest, allow_nan=False)
