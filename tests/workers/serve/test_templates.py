"""Chats for the server: written as they should be, and a hostile template harms nobody but who asked it."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trl

from engine.workers.serve import template_process
from engine.workers.serve.errors import RequestError
from engine.workers.serve.render import Renderer, allowed_seconds
from engine.workers.serve.template_process import TemplateProcess
from tests.tiny import TEMPLATE

SHIPPED = Path(trl.__file__).parent / "chat_templates"
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}
USER = {"role": "user", "content": "hi"}
CALL = {"id": "abcdefghi", "type": "function", "function": {"name": "weather", "arguments": {"city": "Rome"}}}
CALLED = {"role": "assistant", "content": "", "tool_calls": [CALL]}
RESULT = {"role": "tool", "content": "sunny", "tool_call_id": "abcdefghi", "name": "weather"}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Of a city.", "parameters": {}}}
LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
DOUBLE = "{% set n = namespace(x='aaaaaaaa') %}{% for i in range(31) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}"
SOMETIMES = "{% if messages[0].content == 'loop' %}" + LOOP + "{% elif messages[0].content == 'double' %}"
SOMETIMES += DOUBLE + "{% endif %}" + TEMPLATE


def shipped(name: str) -> Renderer:
    return Renderer((SHIPPED / f"{name}.jinja").read_text(), SPECIAL)


def written(renderer: Renderer, *messages: dict[str, Any], **options: Any) -> str:
    answer = renderer.answer({"messages": list(messages), "add_generation_prompt": True, **options})
    assert "text" in answer, answer
    return str(answer["text"])


@pytest.mark.parametrize("name", ["qwen3", "qwen2_5", "llama3_1", "glm4moe", "gptoss", "phi3", "gemma", "cohere"])
def test_tools_calls_and_results_are_in_the_prompt_whatever_the_template_knows(name: str) -> None:
    text = written(shipped(name), USER, CALLED, RESULT, {"role": "user", "content": "and?"}, tools=[TOOL])
    assert all(part in text for part in ("weather", "Of a city.", "Rome", "sunny", "and?"))
    assert text != written(
        shipped(name), USER, {"role": "assistant", "content": ""}, {"role": "user", "content": "and?"}
    )


def test_calls_are_read_from_an_answer_only_where_the_template_writes_them_so() -> None:
    reads = {name: shipped(name).answer({"facts": True})["reads_calls"] for name in ("qwen3", "qwen2_5", "phi3")}
    assert reads == {"qwen3": True, "qwen2_5": True, "phi3": True}  # Phi-3 knows no calls: they are the studio's text
    others = ("llama3_1", "qwen3_6", "gptoss", "gemma4", "glm4moe")
    assert not any(shipped(name).answer({"facts": True})["reads_calls"] for name in others)


def test_variables_of_a_template_are_those_that_a_request_may_set() -> None:
    assert shipped("qwen3").variables == ["enable_thinking"]
    assert {"date_string", "tools_in_user_message"} <= set(shipped("llama3_1").variables)
    assert "system_message" not in shipped("llama3_1").variables
    assert shipped("phi3").variables == []
    without_thoughts = written(shipped("qwen3"), USER, variables={"enable_thinking": False})
    assert without_thoughts == written(shipped("qwen3"), USER) + "<think>\n\n</think>\n\n"


@pytest.mark.parametrize("name", ["qwen2_5", "llama3", "phi3", "gemma", "cohere2"])
def test_a_turn_that_is_continued_is_left_open(name: str) -> None:
    prompt = written(shipped(name), USER)
    begun = {"role": "assistant", "content": "It is not"}
    assert written(shipped(name), USER, begun, continues=True).removeprefix(prompt) == "It is not"
    spoken = {"role": "assistant", "content": "hi"}  # what it says stands in the question, too
    assert written(shipped(name), USER, spoken, continues=True).removeprefix(prompt) == "hi"


def test_a_refusal_is_in_the_templates_own_words() -> None:
    refused = shipped("gemma").answer({"messages": [USER, USER], "add_generation_prompt": True})["refused"]
    assert "alternate" in refused


def test_a_long_chat_has_longer_but_never_without_end() -> None:
    assert [allowed_seconds(turns) for turns in (0, 1, 199, 200, 500, 2000)] == [1, 1, 1, 2, 5, 10]


@asynccontextmanager
async def running(template: str) -> AsyncIterator[TemplateProcess]:
    process = TemplateProcess(template, {})
    try:
        yield process
    finally:
        process.close()


def chat(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], "add_generation_prompt": True}


async def refusal(work: Awaitable[str]) -> RequestError:
    with pytest.raises(RequestError) as caught:
        await work
    return caught.value


def test_a_template_without_end_or_measure_is_stopped_and_the_next_chat_is_written() -> None:
    async def scene() -> None:
        async with running(SOMETIMES) as process:
            expected = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
            assert await process.text(chat("hi")) == expected
            began = time.monotonic()
            looping = asyncio.create_task(refusal(process.text(chat("loop"))))
            await asyncio.sleep(0)  # it is asked first
            assert await process.text(chat("hi")) == expected  # asked meanwhile
            assert "ran for more than 1 s" in str(await looping)
            assert time.monotonic() - began < 120  # a second of CPU, and a new process, on a busy machine
            error = await refusal(process.text(chat("double")))
            assert (error.status, error.body["error"]["code"]) == (500, "template_stopped")
            assert "more memory" in str(error)
            assert await process.text(chat("hi")) == expected

    asyncio.run(scene())


def test_a_process_that_freezes_costs_one_chat_and_one_that_died_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        async with running(TEMPLATE) as process:
            await process.text(chat("hi"))
            monkeypatch.setattr(template_process, "ANSWER_SECONDS", 0.3)
            os.kill(process.pid, signal.SIGSTOP)
            assert "without end" in str(await refusal(process.text(chat("hi"))))
            monkeypatch.undo()
            assert await process.text(chat("again"))
            os.kill(process.pid, signal.SIGKILL)
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            assert await process.text(chat("and again"))

    asyncio.run(scene())


def test_who_waits_too_long_for_a_busy_template_is_told_so_and_closing_does_not_wait() -> None:
    async def scene(patch: Callable[[object, str, object], None]) -> None:
        async with running(SOMETIMES) as process:
            await process.text(chat("hi"))
            patch(template_process, "TURN_SECONDS", 0.05)
            looping = asyncio.create_task(refusal(process.text(chat("loop"))))
            await asyncio.sleep(0)
            error = await refusal(process.text(chat("hi")))
            assert (error.status, "busy" in str(error)) == (503, True)
            began = time.process_time()
            process.close()
            assert "without end" in str(await looping)
            assert time.process_time() - began < 5
            assert (await refusal(process.text(chat("hi")))).status == 503

    with pytest.MonkeyPatch.context() as patch:
        asyncio.run(scene(patch.setattr))


def test_a_cancelled_chat_does_not_answer_the_next_one() -> None:
    async def scene() -> None:
        async with running(SOMETIMES) as process:
            looping = asyncio.create_task(process.text(chat("loop")))
            await asyncio.sleep(0.05)
            looping.cancel()
            with pytest.raises(asyncio.CancelledError):
                await looping
            assert "second" in await process.text(chat("second"))

    asyncio.run(scene())


def test_every_piece_of_text_arrives_as_it_was() -> None:
    async def scene() -> None:
        async with running("{{ messages | tojson }}") as process:
            text = 'line\nline "quoted" \\ naïve 🦜 日本語 \ud83e'
            assert json.loads(await process.text(chat(text)))[0]["content"] == text

    asyncio.run(scene())
