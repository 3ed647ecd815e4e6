"""Answers keep to a form: a random model, which would never do so by itself, asked for JSON, choices and calls."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import llguidance
import openai
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from tokenizers import Tokenizer, decoders, models, normalizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from engine.workers.serve.errors import RequestError
from engine.workers.serve.forms import grammars, guide
from engine.workers.serve.forms.grammar_text import closed
from engine.workers.serve.forms.structured import Calls, Form
from tests.workers.serve.running import Server

PERSON = {
    "type": "object",
    "properties": {
        "이름": {"type": "string", "maxLength": 6},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "dish": {"enum": ["김치찌개", "비빔밥", "naïve 🦜"]},
    },
    "required": ["이름", "age", "dish"],
}
CITY = {"type": "object", "properties": {"city": {"enum": ["서울", "Rome"]}}, "required": ["city"]}
# Short, since the tiny model has 512 places and few tokens of more than a letter.
TOOLS = [
    {
        "type": "function",
        "function": {"name": "w", "parameters": {"properties": {"c": {"enum": ["한"]}}, "required": ["c"]}},
    },
    {"type": "function", "function": {"name": "t"}},
]
KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "regex": ({"structured_outputs": {"regex": r"[0-9]{3}-[가-힣]{2}"}}, r"[0-9]{3}-[가-힣]{2}"),
    "choice": ({"structured_outputs": {"choice": ["김치", "밥", 'a"b\n']}}, '김치|밥|a"b\n'),
    "gbnf": ({"structured_outputs": {"grammar": 'root ::= "yes" | "no" " " root'}}, "(no )*yes"),
    "lark": ({"structured_outputs": {"grammar": "start: /a+/ [/b/]"}}, "a+b?"),
    "json_object": ({"response_format": {"type": "json_object"}}, r"\{[\s\S]*"),
}


def person(**options: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON, "strict": True, **options}}


def asked(server: Server, **options: Any) -> dict[str, Any]:
    body = {"model": "m", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 440, **options}
    answer = server.post("chat/completions", **body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_an_answer_is_json_of_its_schema_whatever_the_sampling(server: Server) -> None:
    for options in (
        {"temperature": 0},
        {"temperature": 2, "seed": 3, "logprobs": True, "top_logprobs": 2},
        {"temperature": 1, "top_k": 5, "top_p": 0.5, "repetition_penalty": 1.5, "ignore_eos": True, "min_tokens": 100},
        {"temperature": 1, "n": 3, "frequency_penalty": 1, "logit_bias": {"40": 100}},
    ):
        answer = asked(server, response_format=person(), **options)
        for choice in answer["choices"]:
            assert choice["finish_reason"] == "stop"
            Draft202012Validator(PERSON | {"additionalProperties": False}).validate(
                json.loads(choice["message"]["content"])
            )
        if options.get("logprobs"):
            entries = answer["choices"][0]["logprobs"]["content"]
            assert len(entries) == answer["usage"]["completion_tokens"]
            said = bytes(byte for entry in entries for byte in entry["bytes"]).decode()
            assert said == answer["choices"][0]["message"]["content"]


@pytest.mark.parametrize("kind", KINDS)
def test_expressions_choices_and_grammars_are_kept_to(server: Server, kind: str) -> None:
    options, expected = KINDS[kind]
    for seed in (1, 2):
        body = {"model": "m", "prompt": "hello", "max_tokens": 60, "seed": seed, **options}
        choice = server.post("completions", **body).json()["choices"][0]
        if choice["finish_reason"] == "length":  # of a random model the free parts may be long
            assert kind not in ("regex", "choice")
        else:
            assert re.fullmatch(expected, choice["text"]), choice
    repeated = [server.post("completions", **body).json()["choices"][0]["text"] for _ in range(2)]
    assert repeated[0] == repeated[1] == choice["text"]


def test_answers_with_and_without_a_form_share_a_batch(server: Server) -> None:
    free = {"model": "m", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 40, "temperature": 0}
    formed = {**free, "max_tokens": 150, "response_format": person()}
    alone = [
        server.post("chat/completions", **body).json()["choices"][0]["message"]["content"] for body in (free, formed)
    ]
    with ThreadPoolExecutor(6) as pool:
        answers = pool.map(lambda body: server.post("chat/completions", **body).json(), [free, formed] * 3)
        assert [answer["choices"][0]["message"]["content"] for answer in answers] == alone * 3


def test_an_answer_that_is_cut_says_so_and_one_of_blanks_ends(server: Server, tokenizer: AutoTokenizer) -> None:
    cut = asked(server, response_format=person(), max_tokens=3)
    assert (cut["choices"][0]["finish_reason"], cut["usage"]["completion_tokens"]) == ("length", 3)
    blanks = {str(tokenizer.convert_tokens_to_ids(name)): 100 for name in ("Ġ", "Ċ")}
    schema = {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}
    options = {"structured_outputs": {"json": json.dumps(schema)}, "logit_bias": blanks, "temperature": 0}
    choice = asked(server, **options, max_tokens=300)["choices"][0]
    assert (choice["finish_reason"], set(json.loads(choice["message"]["content"]))) == ("stop", {"a"})
    options["structured_outputs"] = {"json": schema, "disable_any_whitespace": True}
    assert asked(server, **options)["choices"][0]["message"]["content"] in ('{"a":true}', '{"a":false}')


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "w"}}], ids=["any", "named"])
def test_forced_calls_name_a_tool_and_their_arguments_keep_to_its_schema(
    server: Server, choice: Any, stream: bool
) -> None:
    with openai.OpenAI(base_url="http://server/v1", api_key="-", http_client=server.http()) as client:
        whole = 0
        for seed in range(6):
            answer: Any = client.chat.completions.create(
                model="m",
                messages=[{"role": "user", "content": "x"}],
                tools=TOOLS,
                tool_choice=choice,
                parallel_tool_calls=False,
                max_tokens=85,
                seed=seed,
                stream=stream,
            )
            ends = [chunk.choices[0] for chunk in answer] if stream else [answer.choices[0]]
            if ends[-1].finish_reason == "length":  # arguments of `t` may be anything, and so of any length
                continue
            parts = [end.delta if stream else end.message for end in ends]
            (call,) = [call for part in parts for call in part.tool_calls or []]
            assert ("".join(part.content or "" for part in parts), ends[-1].finish_reason) == ("", "tool_calls")
            assert call.function.name == "w" or (call.function.name, choice) == ("t", "required")
            if call.function.name == "w":
                assert json.loads(call.function.arguments) == {"c": "한"}
            whole += 1
        assert whole > 1


class Spelling:
    """A grammar on a tokenizer, asked whether it takes a text."""

    def __init__(self, tokenizer: Any, form: Form) -> None:
        self._tokenizer, self._guide = tokenizer, grammars.Grammars(tokenizer)._compiled(form).guide()

    def takes(self, tokens: list[int], end: int = 2) -> bool:
        for token in tokens:
            kept = self._guide.kept(torch.zeros(len(self._tokenizer)), {end})
            if kept is None or kept[token] != 0:
                return False
            self._guide.took(token)
        kept = self._guide.kept(torch.zeros(len(self._tokenizer)), {end})
        return self._guide.is_over or (kept is not None and bool(kept[end] == 0))


def sentencepiece() -> PreTrainedTokenizerFast:
    """A vocabulary with blanks as ▁ and bytes for what it does not know, as Llama 2's and Gemma's."""
    names = [
        "<unk>",
        "<s>",
        "</s>",
        *(f"<0x{byte:02X}>" for byte in range(256)),
        "▁",
        "한",
        "▁한",
        "국",
        '{"',
        '"',
        ":",
    ]
    made = Tokenizer(models.BPE(vocab={name: place for place, name in enumerate(names)}, merges=[], byte_fallback=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    made.decoder = decoders.Sequence(parts)
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="</s>", bos_token="<s>", unk_token="<unk>")


@pytest.mark.parametrize("kind", ["bytes", "sentencepiece"])
def test_korean_is_spelled_in_every_kind_of_vocabulary(tokenizer: AutoTokenizer, kind: str) -> None:
    words: Any = tokenizer if kind == "bytes" else sentencepiece()
    text = json.dumps({"이름": "한국 김치 🦜", "age": 7, "dish": "김치찌개"}, ensure_ascii=False)
    schema = {**PERSON, "properties": {**PERSON["properties"], "이름": {"type": "string"}}}  # type: ignore[dict-item]
    tokens = words(text, add_special_tokens=False)["input_ids"]
    assert words.decode(tokens).strip() == text
    assert Spelling(words, Form("json", schema, "x")).takes(tokens)
    wrong = words(text.replace("김치찌개", "김치"), add_special_tokens=False)["input_ids"]
    assert not Spelling(words, Form("json", schema, "x")).takes(wrong)
    half = words("김", add_special_tokens=False)["input_ids"][:-1]
    assert not Spelling(words, Form("regex", "김|밥", "x")).takes(half)


def test_a_strict_function_is_kept_to_once_a_call_begins_and_words_are_free(tokenizer: AutoTokenizer) -> None:
    form = Form("calls", Calls([{"name": "weather", "parameters": CITY}], 1, free=True), "tools")
    call = 'Let me see. <tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>'
    for text, fits in ((call, True), (call.replace("Rome", "Oslo"), False), ("a < b <tool", True), ("", True)):
        assert Spelling(tokenizer, form).takes(tokenizer(text, add_special_tokens=False)["input_ids"]) is fits
    form = Form("calls", Calls([{"name": "weather", "parameters": CITY}], 2, instead=Form("json", CITY, "x")), "tools")
    for text, fits in (
        (call[12:], True),
        (f"{call[12:]}\n{call[12:]}", True),
        ('{"city": "서울"}', True),
        ("hello", False),
    ):
        assert Spelling(tokenizer, form).takes(tokenizer(text, add_special_tokens=False)["input_ids"]) is fits


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"json": {"type": "strin"}}, r"structured_outputs\.json.*\$\.type.*'strin'"),
        ({"json": "{"}, "it is not JSON"),
        ({"json": {"type": "integer", "minimum": 5, "maximum": 4}}, "minimum"),
        ({"json": {"uniqueItems": True, "type": "array"}}, "uniqueItems"),
        ({"json": {"$ref": "http://example.com/x.json"}}, r"example\.com"),
        ({"json": {"$ref": "#"}}, "no answer can keep to it|NoExtension"),
        ({"json": {"enum": ["x" * 70_000]}}, "65536 is the most"),
        ({"json": {"type": "strin", "x-guidance": {"lenient": True}}}, "strin"),
        ({"regex": "(["}, "regex"),
        ({"regex": "(?=a)b"}, "look-around"),
        ({"grammar": "start: foo"}, "foo"),
        ({"grammar": "start: " + "(" * 5000 + '"a"' + ")" * 5000}, "too deeply nested"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_form_that_cannot_be_kept_to_is_400_and_names_the_fault(
    server: Server, form: dict[str, Any], said: str
) -> None:
    answer = server.post("completions", model="m", prompt="a", structured_outputs=form)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "invalid_schema"), error
    assert re.search(said, error["message"]), error["message"]
    assert error["param"].startswith("structured_outputs.")
    assert len(error["message"]) <= 500


def test_a_tools_schema_that_cannot_be_kept_to_is_named_by_its_function(server: Server) -> None:
    wrong = {"type": "function", "function": {"name": "odd", "parameters": {"type": "array"}}}
    options = {"tools": [*TOOLS, wrong], "tool_choice": "required"}
    answer = server.post("chat/completions", model="m", messages=[{"role": "user", "content": "x"}], **options)
    assert answer.status_code == 400
    assert "`tools.odd.parameters` cannot be used: arguments are an object" in answer.json()["error"]["message"]


def test_a_grammar_that_grows_out_of_its_limits_ends_its_own_answer_alone(tokenizer: AutoTokenizer) -> None:
    compiled = grammars.Grammars(tokenizer)._compiled(Form("regex", "(a|b)*a(a|b){9}c", "x"))
    matcher = llguidance.LLMatcher(
        llguidance.hf.from_tokenizer(tokenizer, len(tokenizer)),
        llguidance.LLMatcher.grammar_from_regex("(a|b)*a(a|b){9}c"),
        limits=llguidance.LLParserLimits(max_lexer_states=5),
        log_level=0,
    )
    assert not matcher.is_error()
    small = guide.Grammar(matcher, []).guide()
    with pytest.raises(guide.GuideError, match="too complex"):
        _say(small, tokenizer("abababbbaaabab", add_special_tokens=False)["input_ids"], len(tokenizer))
    assert compiled.guide().kept(torch.zeros(len(tokenizer)), ()) is not None


def _say(small: guide.Guide, tokens: list[int], count: int) -> None:
    for token in tokens:
        small.kept(torch.zeros(count), ())
        small.took(token)


def test_forms_are_compiled_once_and_the_oldest_are_forgotten(
    tokenizer: AutoTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grammars, "MOST_KEPT", 2)
    kept = grammars.Grammars(tokenizer)
    forms = [Form("choice", [word], "x") for word in ("a", "b", "c")]
    first = kept._compiled(forms[0])
    assert kept._compiled(Form("choice", ["a"], "x")) is first
    for form in forms:
        kept._compiled(form)
    assert kept._compiled(forms[0]) is not first
    with pytest.raises(RequestError, match="not a fast one"):
        grammars.Grammars(object())._compiled(forms[0])


OBJECT = st.fixed_dictionaries(
    {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from("ab"), st.just({}))}
)


@given(st.sampled_from(["allOf", "anyOf", "oneOf", "$ref"]), OBJECT)
def test_only_objects_that_are_not_put_together_are_closed(name: str, schema: dict[str, Any]) -> None:
    inner = {"items": schema, "properties": {"properties": schema}}
    assert closed(schema) == {**schema, "additionalProperties": False}
    assert closed(inner)["items"]["additionalProperties"] is closed(inner)["additionalProperties"] is False
    assert closed(inner)["properties"]["properties"]["additionalProperties"] is False
    together = {**inner, name: "#/$defs/x" if name == "$ref" else [schema]}
    assert closed(together) == together
    assert closed({**schema, "additionalProperties": True})["additionalProperties"] is True
