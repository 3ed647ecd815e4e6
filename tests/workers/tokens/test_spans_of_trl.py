"""Spans to learn are those that TRL's own training templates mark, over chats that are made to deceive.

A header that the prompt for an answer gives anyway may be left out, and space behind the end of a turn: nobody
generates that far.
"""

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import TemplateError
from jinja2.ext import loopcontrols

from engine.workers.tokens import templates
from engine.workers.tokens.chat_spans import ChatText, UnknownAnswerError
from engine.workers.tokens.content_marks import Message
from engine.workers.tokens.templates import Template
from engine.workers.tokens.tool_text import ToolText
from tests.workers.tokens.test_chat_spans import ADD, FOLDER
from tests.workers.train.training_runs import chat

PICTURES = {"idefics3", "llava_next", "smolvlm"}  # their templates take no plain text
NAMES = sorted({file.stem.removesuffix("_training") for file in FOLDER.glob("*_training.jinja")} - PICTURES)
SPECIALS = r"<[a-z_]+\|>|<\|[a-zA-Z0-9_]+\|>|<｜[^｜]+｜>|</s>|<end_of_turn>|<turn\|>|<\|turn>"
OPEN, CLOSE = "\ue000", "\ue001"


class Marking(templates._Generation):
    def _body(self, caller: Any) -> str:
        return OPEN + str(caller()) + CLOSE


def call(content: str) -> Message:
    function = {"name": "add", "arguments": {"a": 4711}}
    calls = [{"id": "abcdefghi", "type": "function", "function": function}]
    return {"role": "assistant", "content": content, "tool_calls": calls}


def calling(content: str) -> list[Message]:
    result = {"role": "tool", "content": "4711", "tool_call_id": "abcdefghi", "name": "add"}
    question = {"role": "user", "content": f"add 4711 {content}"}
    return [question, call(content), result, *chat("and", "and")[1:], *chat("4711", "4711")]


def with_system(content: str, *turns: str) -> list[Message]:
    return [{"role": "system", "content": content}, *chat(*turns)]


CHATS: dict[str, list[Message]] = {
    "the answer stands in the question": chat("Is it spam? Answer yes or no.", "yes", "Sure? yes or no", "no"),
    "the answer is the question": chat("23", "23", "23", "no"),
    "answers of one letter": chat("A or s or u?", "s", "again a", "a"),
    "answers stand in the system turn": with_system("Say positive or negative.", "Bread.", "positive", "?", "negative"),
    "answers are names of roles": chat("say user assistant", "assistant", "user", "user"),
    "every turn is the same": chat("x", "x", "x", "x", "x", "x"),
    "thoughts": chat(
        "Paris or Lyon?", "<think>\nFrance.\n</think>\n\nParis", "Sure?", "<think>\nYes.\n</think>\n\nI am."
    ),
    "a thought that stands in the question": chat("hm or no?", "<think>\nhm\n</think>\n\nno", "no?", "hm"),
    "space around": chat("x ", " x \n", "\nx", "  x"),
    "lines": chat("a\n\nb", "b\n\na\n", "b", "a\n\nb"),
    "an empty answer": chat("x", "", "y", "y"),
    "what looks like the opening of a thought": chat("thin?", "<thin air", "th", "<think"),
    "a call": calling(""),
    "a call with words": calling("I add."),
}


def template_of(name: str) -> tuple[Template, tuple[str, ...]]:
    source = (FOLDER / f"{name}_training.jinja").read_text()
    specials = sorted({*re.findall(SPECIALS, source), "<EOS>"}, key=lambda text: (-len(text), text))
    return Template(source, {"bos_token": "<BOS>", "eos_token": "<EOS>"}), tuple(specials)


def marked_by_trl(template: Template, messages: list[Message], tools: list[Any] | None) -> list[tuple[int, int]]:
    """The spans between the generation markers of the template, those that touch each other as one."""
    environment = templates._Sandbox(trim_blocks=True, lstrip_blocks=True, extensions=[Marking, loopcontrols])
    ours = templates._environment()
    environment.filters.update(ours.filters)
    environment.globals.update(ours.globals)
    shown = [{key: value for key, value in message.items() if value is not None} for message in messages]
    variables = templates._variables(shown, tools, False)
    text = environment.from_string(str(template.source)).render(**template.special, **variables)
    assert text.replace(OPEN, "").replace(CLOSE, "") == template.render(messages, False, tools)
    spans: list[tuple[int, int]] = []
    text = text.replace(CLOSE + OPEN, "")
    for number, match in enumerate(re.finditer(f"{OPEN}([^{OPEN}{CLOSE}]*){CLOSE}", text)):
        start = match.start() - 2 * number
        spans.append((start, start + len(match[1])))
    plain = text.replace(OPEN, "").replace(CLOSE, "")
    return [(start, end) for start, end in spans if plain[start:end].strip()]


def check(name: str, messages: list[Message], tools: list[Any] | None = None) -> None:
    template, specials = template_of(name)
    fitted, shown = ToolText(template).fitted(messages, tools)
    expected = marked_by_trl(template, fitted, shown)
    found = ChatText(lambda turns, ask: template.render(turns, ask, shown), specials, "<EOS>").answers(fitted)
    prompts = [template.render(fitted[:n], True, shown) for n, turn in enumerate(fitted) if turn["role"] == "assistant"]
    assert len(found.parts) == len(expected), (name, found.text, found.parts, expected)
    for part, marked in zip(found.parts, expected, strict=True):
        assert_same(name, found.text, part, marked, prompts)


def assert_same(name: str, text: str, part: tuple[int, int], marked: tuple[int, int], prompts: list[str]) -> None:
    (start, end), (first, last) = part, marked
    said = (name, text[first:last], text[start:end])
    left_out = text[first:start]
    assert not left_out.strip() or any(text[:start] == prompt[:start] for prompt in prompts), said
    assert start >= first or not text[start:first].strip(), said
    assert text[min(end, last) : max(end, last)].strip() in ("", "<EOS>"), said


def fits(name: str, deceit: str) -> bool:
    """Gemma's template has no system turn; diffusion_gemma's calls hand over with a token that TRL leaves out."""
    return not (name == "gemma" and "system" in deceit) and not (name == "diffusion_gemma" and "call" in deceit)


@pytest.mark.parametrize(
    ("name", "deceit"), [(name, deceit) for name in NAMES for deceit in CHATS if fits(name, deceit)]
)
def test_what_is_learnt_is_what_trl_marks(name: str, deceit: str) -> None:
    check(name, CHATS[deceit], [ADD] if "call" in deceit else None)


WORDS = st.lists(
    st.sampled_from(["a", "yes", "user", "assistant", " ", "\n", "<think>", "</think>", "<", "|", "1", "예", "```"]),
    min_size=1,
    max_size=5,
).map("".join)
FAMILIES = ["phi3", "qwen2_5", "llama3", "gemma3", "cohere", "glm4moe", "qwen3", "gptoss"]
TURNS = st.lists(WORDS.filter(str.strip), min_size=2, max_size=6).filter(lambda turns: len(turns) % 2 == 0)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(["phi3", "qwen2_5", "llama3", "gemma3", "cohere", "glm4moe", "qwen3", "gptoss"]), turns=TURNS
)
def test_whatever_is_said_the_spans_are_those_of_trl_or_the_row_is_refused(name: str, turns: list[str]) -> None:
    try:
        check(name, chat(*turns))
    except UnknownAnswerError:
        pass
    except TemplateError:
        assert any("think" in turn or "<|" in turn for turn in turns)  # gpt-oss refuses tags in what is said
