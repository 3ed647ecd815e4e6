"""Chat templates are written as transformers writes them, and none, however hostile, takes the studio with it."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from jinja2 import TemplateError
from transformers.utils.chat_template_utils import render_jinja_template

from engine.process import events
from engine.workers import limits
from engine.workers.contract import WorkFailedError
from engine.workers.tokens import page as token_page
from engine.workers.tokens.templates import Template
from engine.workers.tokens.tool_text import ToolText
from tests.tiny import TEMPLATE as CHATML
from tests.workers.tokens.vocabularies import spec, turns

ROOT = Path(__file__).resolve().parents[3]
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Tells the weather.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string", "description": "Where"}}},
        },
    }
]
CALL = {"id": "abcdefghi", "type": "function", "function": {"name": "weather", "arguments": {"city": "Zürich"}}}
WITH_CALL: list[dict[str, Any]] = [
    {"role": "user", "content": "Warm?"},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "content": '{"t": 3}', "tool_call_id": "abcdefghi", "name": "weather"},
    {"role": "assistant", "content": "No."},
]
SYSTEM = {"role": "system", "content": "Be kind."}
CHATS: dict[str, tuple[list[dict[str, Any]], Any]] = {
    "two answers": (turns("Hello <b>", "Hi", "And?", "<think>hm</think>\n\nYes."), None),
    "a system turn": ([SYSTEM, *turns("A", "B")], None),
    "tools": (WITH_CALL, TOOLS),
    "two questions": (turns("A", "B")[:1] * 2, None),
    "an answer first": (turns("A", "B")[::-1], None),
}


def shipped() -> dict[str, str]:
    """The chat templates of some seventy real models, which TRL has in it."""
    package = importlib.util.find_spec("trl")
    assert package
    assert package.origin
    folder = Path(package.origin).parent / "chat_templates"
    return {path.stem: path.read_text() for path in sorted(folder.glob("*.jinja"))} | {"chatml": CHATML}


def by_transformers(source: str, chat: list[dict[str, Any]], tools: Any, add_generation_prompt: bool) -> str | None:
    """None when it refuses."""
    try:
        rendered, _ = render_jinja_template(
            conversations=[chat],
            tools=tools,
            chat_template=source,
            add_generation_prompt=add_generation_prompt,
            **SPECIAL,
        )
    except (TemplateError, TypeError, ValueError):
        return None
    return str(rendered[0])


def by_us(source: str, chat: list[dict[str, Any]], tools: Any, add_generation_prompt: bool) -> str | None:
    try:
        return Template(source, SPECIAL).render(chat, add_generation_prompt, tools)
    except TemplateError:
        return None


@pytest.mark.parametrize("name", CHATS)
def test_every_template_is_written_as_transformers_writes_it(name: str) -> None:
    chat, tools = CHATS[name]
    sources = shipped()
    assert {"llama3_1", "qwen3", "gemma", "deepseekv3", "chatml"} <= sources.keys()
    for model, source in sources.items():
        for add_generation_prompt in (False, True):
            assert by_us(source, chat, tools, add_generation_prompt) == by_transformers(
                source, chat, tools, add_generation_prompt
            ), model


def test_a_refusal_is_told_in_the_templates_words() -> None:
    with pytest.raises(TemplateError, match="System role not supported"):
        Template(shipped()["gemma"], SPECIAL).render([SYSTEM, *turns("A", "B")])


def test_a_mistake_in_a_template_is_a_refusal_too() -> None:
    for source in (
        "{{ messages[7].content + 1 }}",
        "{{ 1 // 0 }}",
        "{% if %}",
        "{{ messages[0].content | tojson(1, 2, 3) }}",
    ):
        with pytest.raises(TemplateError):
            Template(source, SPECIAL).render(turns("A"))
    with pytest.raises(TemplateError, match="no turn"):
        Template(CHATML, SPECIAL).render([])


def test_the_template_for_tools_is_taken_for_chats_with_tools() -> None:
    template = Template({"default": "plain", "tool_use": "{{ tools | length }} tools"}, SPECIAL)
    assert template.render(turns("A")) == "plain"
    assert template.render(turns("A"), tools=TOOLS) == "1 tools"
    with pytest.raises(TemplateError, match="none is the default"):
        Template({"rag": "x"}, SPECIAL).render(turns("A"))


def test_what_models_write_with_works_here_as_well() -> None:
    source = (
        "{% generation %}{{ dict(a=1) | tojson }}{% endgeneration %}{% set ns = namespace(n=0) %}"
        "{% for i in range(9) %}{% if i > 2 %}{% break %}{% endif %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}"
        "{{ dict.fromkeys('ab', 2 ** 3 * 2) }}{{ 'ab' * 2 }}{{ strftime_now('%%') }}"
    )
    assert by_us(source, turns("A"), None, False) == by_transformers(source, turns("A"), None, False)
    assert by_us(source, turns("A"), None, False) == "{\"a\": 1}3{'a': 16, 'b': 16}abab%"


# How tools are written where a template knows none of them.


@pytest.mark.parametrize("model", ["qwen3", "llama3_1", "deepseekv3"])
def test_a_template_that_writes_calls_gets_them(model: str) -> None:
    template = Template(shipped()[model], SPECIAL)
    chat, tools = ToolText(template).fitted(WITH_CALL, TOOLS)
    text = template.render(chat, tools=tools)
    assert "Zürich" in text
    assert "weather" in text
    assert "tool" in [turn["role"] for turn in chat]


@pytest.mark.parametrize("model", ["chatml", "gemma", "llama3"])
def test_a_template_without_tools_gets_them_as_text(model: str) -> None:
    tool_text = ToolText(Template(shipped()[model], SPECIAL))
    chat, tools = tool_text.fitted([SYSTEM, *WITH_CALL] if model != "gemma" else WITH_CALL, TOOLS)
    assert tools is None
    assert {turn["role"] for turn in chat} <= {"system", "user", "assistant"}
    text = tool_text.template.render(chat)
    assert '<tool_call>\n{"name": "weather", "arguments": {"city": "Zürich"}}\n</tool_call>' in text
    assert '<tool_response>\n{"t": 3}\n</tool_response>' in text
    assert '<tools>\n{"type": "function"' in text
    assert "no tools and no tool calls" in tool_text.note()


def test_a_chat_without_tools_is_left_alone() -> None:
    tool_text = ToolText(Template("{{ raise_exception('never tried') }}", SPECIAL))
    chat = [*turns("A"), {"role": "assistant", "content": "B", "train": False}]
    assert tool_text.fitted(chat, None) == (chat, None)


def test_results_that_follow_one_another_become_one_turn() -> None:
    result = {"role": "tool", "content": "1"}
    chat, _ = ToolText(Template(CHATML, SPECIAL)).fitted([*WITH_CALL[:2], result, result, WITH_CALL[3]], None)
    assert [turn["role"] for turn in chat] == ["user", "assistant", "user", "assistant"]
    assert chat[2]["content"].count("<tool_response>") == 2


# Hostile templates.

HOSTILE = {
    "an endless loop": (
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "ran for more",
    ),
    "a large power": ("{{ 10 ** (10 ** 10) }}", "too large"),
    "products that grow": (
        "{% set ns = namespace(n=3) %}{% for i in range(99) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
        "too large",
    ),
    "a long text": ("{{ 'a' * 10 ** 9 }}", "repeats a text"),
    "a million characters": ("{% for i in range(1000) %}{{ 'a' * 1000 }}{% endfor %}", "far more text"),
    "a memory bomb": (
        "{% set ns = namespace(s='aaaa') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "more memory",
    ),
    "a wide text": ("{{ 'a' | center(99999999999) }}", "more memory"),
    "recursion": ("{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}", "Recursion"),
    "the class of a text": ("{{ ''.__class__.__mro__ }}", "unsafe"),
    "a hidden name": ("{% set ns = namespace(__class__=1) %}", "underscore"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_template_ends_in_clear_words(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROW_SECONDS", 0.3)
    monkeypatch.setattr(limits, "SPARE_BYTES", 100 << 20)
    template, expected = HOSTILE[name]
    values = spec(tmp_path, "chat", [{"messages": turns("A", "B")}], template)
    try:
        token_page.write(values, tmp_path)
    except WorkFailedError as error:
        message = error.message
    else:
        (row,) = json.loads((tmp_path / token_page.PAGE).read_text())["rows"]
        message = row["left_out"]
    assert expected in message


STUBBORN = """
import sys
from engine.workers import limits
def work(spec, out):
    with limits.cpu_time(0.2, 0.4):
        10 ** (10 ** 8)  # never comes back to Python, which would hear the first signal
limits.run(work)
"""


def test_a_computation_that_cannot_be_interrupted_is_killed_and_told(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text("{}")
    argv = [sys.executable, "-c", STUBBORN, str(tmp_path / "spec.json"), str(tmp_path)]
    process = subprocess.run(argv, cwd=ROOT, timeout=60, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert process.returncode == 1
    (failed,) = events.read(tmp_path)[0]
    assert isinstance(failed, events.Failed)
    assert "chat template" in failed.message


def test_long_chats_get_more_time() -> None:
    assert limits.of_row(0) == (limits.ROW_SECONDS, limits.KILL_SECONDS)
    assert limits.of_row(600) == (10 * limits.ROW_SECONDS, 10 * limits.KILL_SECONDS)


def test_each_way_to_die_has_its_words() -> None:
    assert limits.death(signal.SIGABRT).category == "memory"
    assert "signal 11" in limits.death(signal.SIGSEGV).message


def test_limits_are_gone_after_the_block_and_left_out_in_threads() -> None:
    with limits.cpu_time(5, 6):
        assert signal.getitimer(signal.ITIMER_PROF)[0] > 0
    assert signal.getitimer(signal.ITIMER_PROF) == signal.getitimer(signal.ITIMER_VIRTUAL) == (0, 0)
    assert signal.getsignal(signal.SIGVTALRM) == signal.SIG_IGN  # a signal that comes late ends no process
    timers = []

    def read_timer() -> None:
        with limits.cpu_time(5, 6):
            timers.append(signal.getitimer(signal.ITIMER_PROF))

    thread = threading.Thread(target=read_timer)
    thread.start()
    thread.join()
    assert timers == [(0, 0)]
