"""The few lines with which a script finds the answers of a chat find what the studio finds, with real templates."""

from os.path import commonprefix
from typing import Any

import pytest
from jinja2 import TemplateError

from engine.runs.script.chats import PLAIN_TEMPLATE
from engine.runs.script.parts import piece
from engine.workers.tokens import chat_spans
from engine.workers.tokens.chat_spans import ChatText
from engine.workers.tokens.templates import Template
from engine.workers.tokens.tool_text import ToolText
from tests.workers.tokens.test_chat_spans import ADD
from tests.workers.tokens.test_spans_of_trl import CHATS, NAMES, template_of

# What they do not find: then the script ends at its check of the tokens.
BEYOND = {
    ("diffusion_gemma", "a call with words"),
    ("gptoss", "a call with words"),
    ("gptoss", "an empty answer"),
    ("phi3", "an empty answer"),
    ("phi3_5", "an empty answer"),
}
Found = tuple[str, list[tuple[int, int]]] | None


class Tokenizer:
    """As far as the lines ask one."""

    eos_token = "<EOS>"
    added_tokens_decoder: dict[int, Any] = {}  # noqa: RUF012

    def __init__(self, template: Template, specials: tuple[str, ...]) -> None:
        self.template, self.all_special_tokens = template, list(specials)

    def apply_chat_template(self, turns: Any, tools: Any, tokenize: bool, add_generation_prompt: bool) -> str:
        assert not tokenize
        return self.template.render(turns, add_generation_prompt, tools)


@pytest.mark.parametrize("name", NAMES)
def test_a_script_learns_the_answers_that_the_studio_learns(name: str) -> None:
    template, specials = template_of(name)
    names: dict[str, Any] = {"tokenizer": Tokenizer(template, specials), "commonprefix": commonprefix}
    names["TemplateError"] = TemplateError
    exec(piece("chat").body, names)  # the lines as they stand in a script
    for title, messages in CHATS.items():
        if (name, title) in BEYOND:
            continue
        fitted, tools = ToolText(template).fitted(messages, [ADD] if "call" in title else None)
        chat = ChatText(lambda turns, ask, tools=tools: template.render(turns, ask, tools), specials, "<EOS>")  # type: ignore[misc]
        for only_answers in (True, False):
            assert theirs(names, only_answers, fitted, tools) == ours(chat, only_answers, fitted), (name, title)


def ours(chat: ChatText, only_answers: bool, messages: list[Any]) -> Found:
    try:
        spans = chat.answers(messages) if only_answers else chat.whole(messages)
    except TemplateError:
        return None
    return spans.text, spans.parts


def theirs(names: dict[str, Any], only_answers: bool, messages: list[Any], tools: Any) -> Found:
    try:
        found: Found = names["answers" if only_answers else "whole"](messages, tools)
    except (TemplateError, TypeError, ValueError, LookupError):
        return None
    return found


def test_the_plain_template_is_the_one_the_studio_trains_with() -> None:
    assert PLAIN_TEMPLATE == chat_spans.PLAIN_TEMPLATE
