"""Every field of a request is understood, or refused with a reason, and docs/serving.md has them all.

To write the table anew: `python -m tests.workers.serve.test_request_fields`.
"""

import json
import re
from typing import Any

import pytest
from openai.types import completion_create_params
from openai.types.chat import completion_create_params as chat_create_params
from pydantic import ValidationError

from engine.workers.serve.errors import RequestError
from engine.workers.serve.refused import BOTH, CHAT, COMPLETION, Refusals
from engine.workers.serve.requests import ChatRequest, CompletionRequest, GenerationRequest
from tests.conftest import ROOT
from tests.workers.serve.running import Server

FILE = ROOT / "docs/serving.md"
TABLES = re.compile(r"(?<=<!-- fields -->\n).*?(?=<!-- /fields -->)", re.DOTALL)
OPENAIS = {
    ChatRequest: set(chat_create_params.CompletionCreateParamsBase.__annotations__),
    CompletionRequest: set(completion_create_params.CompletionCreateParamsBase.__annotations__),
}
WHOLE: dict[type[GenerationRequest], dict[str, Any]] = {
    ChatRequest: {"model": "m", "messages": [{"role": "user", "content": "hello"}]},
    CompletionRequest: {"model": "m", "prompt": "hello"},
}


def tables() -> str:
    """What each field does, and why others are refused, as Markdown."""
    chat, completion = ChatRequest.model_fields, CompletionRequest.model_fields
    lines = ["| field | where | what it does |", "|---|---|---|"]
    for name in sorted(chat | completion, key=lambda name: (_where(name in chat, name in completion), name)):
        text = " In a completion: ".join(
            dict.fromkeys(str(fields[name].description) for fields in (chat, completion) if name in fields)
        )
        lines.append(f"| `{name}` | {_where(name in chat, name in completion)} | {text} |")
    lines += ["", "Refused with 400, but for null and the values in the last column:", ""]
    lines += ["| field | where | why | not refused |", "|---|---|---|---|"]
    for where, refusals in (("both", BOTH), ("chat", CHAT), ("completion", COMPLETION)):
        lines += [
            f"| `{name}` | {where} | {refusals[name].reason} | {_values(refusals, name)} |" for name in sorted(refusals)
        ]
    return "\n".join(lines) + "\n"


def _where(in_chat: bool, in_completion: bool) -> str:
    return "both" if in_chat and in_completion else "chat" if in_chat else "completion"


def _values(refusals: Refusals, name: str) -> str:
    return ", ".join(f"`{_shown(value)}`" if value != "" else "an empty text" for value in refusals[name].harmless)


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).replace("'", '"')


def filled(page: str) -> str:
    return TABLES.sub(lambda _match: tables(), page)


def test_the_table_of_fields_is_that_of_the_code() -> None:
    assert FILE.read_text() == filled(FILE.read_text())


@pytest.mark.parametrize("kind", OPENAIS, ids=lambda kind: kind.__name__)
def test_every_field_of_openai_is_understood_or_refused_with_a_reason(kind: type[GenerationRequest]) -> None:
    assert OPENAIS[kind] - set(kind.model_fields) - set(kind.REFUSALS) == set()
    assert set(kind.model_fields) & set(kind.REFUSALS) == set()
    assert all(field.description for field in kind.model_fields.values())


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in WHOLE for name in kind.REFUSALS],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_refused_field_is_refused_but_for_null_and_what_asks_for_nothing(
    kind: type[GenerationRequest], name: str
) -> None:
    for harmless in (None, *kind.REFUSALS[name].harmless):
        kind.model_validate({**WHOLE[kind], name: harmless})
    for wrong in ("something", [{"type": "function"}], {"type": "json_object"}, 7, True, False):
        if wrong not in kind.REFUSALS[name].harmless:
            with pytest.raises(RequestError, match=f"`{name}` is not supported") as caught:
                kind.model_validate({**WHOLE[kind], name: wrong})
            assert caught.value.body["error"]["param"] == name


@pytest.mark.parametrize("kind", WHOLE, ids=lambda kind: kind.__name__)
def test_every_field_may_be_null_and_none_takes_text_for_a_number(kind: type[GenerationRequest]) -> None:
    request = kind.model_validate({name: None for name in kind.model_fields} | WHOLE[kind])
    assert request == kind.model_validate(WHOLE[kind])
    for name in ("max_tokens", "temperature", "top_k", "seed", "n", "stream", "ignore_eos", "logit_bias"):
        for wrong in ("1", "true", [1]):
            with pytest.raises(ValidationError):
                kind.model_validate({**WHOLE[kind], name: wrong})


TOOL = {"type": "function", "function": {"name": "weather", "parameters": {}}}
CALL = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
HELLO = WHOLE[ChatRequest]["messages"]
PICTURE = {"type": "image_url", "image_url": {"url": "http://x"}}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"tpo_k": 1}, "`tpo_k` is not a field"),
        ({"messages": [{"role": "user", "content": "x", "weight": 1}]}, "`messages.0.weight` is not a field"),
        ({"messages": [{"role": "user", "content": [PICTURE]}]}, "messages.0.content"),
        ({"messages": [{"role": "user"}]}, "needs `content`"),
        ({"messages": [{"role": "assistant"}]}, "`content` or `tool_calls`"),
        ({"messages": [{"role": "user", "content": "x", "tool_calls": [CALL]}]}, "only an assistant"),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "messages.0.role"),
        ({"messages": [*HELLO, {"role": "assistant", "function_call": {}}]}, "messages.1"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "`type`|`tools`|type"),
        ({"tools": [{**TOOL, "function": {"name": "x", "strict": 1}}]}, "strict"),
        ({"tool_choice": "required"}, "needs `tools`"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "wind"}}}, "names `wind`"),
        ({"tools": [TOOL], "tool_choice": "always"}, "`tool_choice`"),
        (
            {"tools": [TOOL], "tool_choice": "required", "response_format": {"type": "json_object"}},
            "exclude one another",
        ),
        ({"tools": [TOOL], "structured_outputs": {"regex": "a"}}, "exclude one another"),
        ({"structured_outputs": {"regex": "a"}, "response_format": {"type": "json_object"}}, "exclude one another"),
        ({"structured_outputs": {}}, "one of `json`"),
        ({"structured_outputs": {"regex": "a", "choice": ["b"]}}, "only one"),
        ({"structured_outputs": {"choice": []}}, "`structured_outputs.choice`"),
        ({"structured_outputs": {"whitespace_pattern": "a", "regex": "a"}}, "whitespace_pattern` is not a field"),
        ({"response_format": {"type": "json_schema"}}, "needs it"),
        ({"response_format": {"type": "structural_tag"}}, "`response_format.type`"),
        ({"top_logprobs": 2}, "`top_logprobs` is only"),
        ({"logprobs": True, "top_logprobs": 21}, "`top_logprobs`"),
        ({"stream_options": {"include_usage": True}}, "`stream_options` is only"),
        ({"continue_final_message": True}, "words of the assistant"),
        ({"chat_template_kwargs": {"enable_thinking": False}}, "knows no `enable_thinking`. It knows: `shout`"),
        ({"chat_template_kwargs": {"messages": []}}, "knows no `messages`"),
        ({"logit_bias": {"hello": 1}}, "`logit_bias` names 'hello'"),
        ({"logit_bias": {"512000": 1}}, "`logit_bias` names '512000'"),
        ({"logit_bias": {"5": 101}}, "`logit_bias.5`"),
        ({"min_tokens": 9, "max_tokens": 8}, "`min_tokens` is 9"),
        ({"top_k": -2}, "`top_k`"),
        ({"min_p": 1.5}, "`min_p`"),
        ({"repetition_penalty": 0}, "`repetition_penalty`"),
        ({"stop": ""}, "`stop"),
        ({"stop": ["a"] * 17}, "`stop`"),
        ({"stop": [7]}, "`stop`: "),
    ],
    ids=str,
)
def test_what_is_not_understood_is_400_in_openais_words(server: Server, body: dict[str, Any], said: str) -> None:
    answer = server.post("chat/completions", **{**WHOLE[ChatRequest], **body})
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert (error["type"], set(error)) == ("invalid_request_error", {"message", "type", "param", "code"})
    assert re.search(said.replace(".", r"\."), error["message"]), error["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": "\ud83e"},
        {"prompt": "a", "user": "\ud83e"},
        {"prompt": "a", "stop": "\ud83e"},
        {"prompt": "a", "metadata": {"a": ["\ud83e"]}},
    ],
    ids=str,
)
def test_half_of_a_character_is_refused_wherever_it_stands(server: Server, body: dict[str, Any]) -> None:
    with server.http() as client:
        headers = {"content-type": "application/json"}
        answer = client.post("/v1/completions", content=json.dumps({"model": "m", **body}), headers=headers)
    assert (answer.status_code, "lone surrogate" in answer.json()["error"]["message"]) == (400, True)


def test_a_body_that_is_no_json_and_a_path_that_is_not_there_are_told_in_openais_words(server: Server) -> None:
    with server.http() as client:
        wrong = client.post("/v1/chat/completions", content=b'{"model": ', headers={"content-type": "application/json"})
        nowhere = client.post("/v1/responses", json={"model": "m", "input": "x"})
        assert client.get("/v1/models/m:one").json()["id"] == "m:one"
        assert client.get("/v1/models/no").json()["error"]["code"] == "model_not_found"
    assert (wrong.status_code, wrong.json()["error"]["type"]) == (400, "invalid_request_error")
    assert wrong.json()["error"]["message"] == "The body is not JSON."
    assert (nowhere.status_code, nowhere.json()["error"]["message"]) == (404, "There is no POST /v1/responses here.")


if __name__ == "__main__":
    FILE.write_text(filled(FILE.read_text()))
