"""Writes chats in a stranger's chat template, with limits: `python -m engine.workers.serve.render`.

A program of its own beside each server: limits of time hold only in a main thread, and limits of memory for a whole
process. It reads lines of JSON from standard input until that ends: the template first, then what to render, each
answered by a line. One that never comes back to Python is ended by the kernel; then the server starts the next.
"""

import json
import sys
from collections.abc import Callable
from functools import cached_property
from typing import Any

from jinja2 import TemplateError

from engine.workers import limits
from engine.workers.serve.calls import found_calls
from engine.workers.tokens.templates import Template, asked_names
from engine.workers.tokens.tool_text import ToolText

# Of CPU, not of the clock. Gemma 4's template takes 0.2 s for 200 turns, and time grows with their square; most of the
# others take a hundredth of that.
SECONDS, MOST_SECONDS, KILLED_AFTER = 1.0, 10.0, 2.5
MANY_TURNS = 200
SPARE_BYTES = 256 << 20
END_MARK = "\U0010fffd"  # of a turn that is to be continued; a private character, refused in messages
TRY_ARGUMENTS = {"city": "probe_city"}
FIXED = {"messages", "tools", "documents", "add_generation_prompt"}  # variables that have fields of their own

Task = dict[str, Any]


class Renderer:
    """One model's chat template: what it writes, and what it can write."""

    def __init__(self, source: str | dict[str, str], special: dict[str, Any]) -> None:
        self._source, self._special = source, special
        self._tool_text = ToolText(Template(source, special))

    def answer(self, task: Task) -> Task:
        """`text`, or `refused`, or for the task `facts` what the template can do."""
        if task.get("facts"):
            return {"reads_calls": self.writes_calls_as_tags, "variables": self.variables}
        try:
            return {"text": self._text(task)}
        except TemplateError as error:
            return {"refused": str(error)[:300] or "The chat template gives no reason."}

    def _text(self, task: Task) -> str:
        messages, tools = self._tool_text.fitted(task["messages"], task.get("tools"))
        template = Template(self._source, {**self._special, **task.get("variables", {})})
        if not task.get("continues"):
            return template.render(messages, task["add_generation_prompt"], tools)
        return _cut(template.render(_marked(messages), False, tools))

    @cached_property
    def writes_calls_as_tags(self) -> bool:
        """Whether calls are written as `<tool_call>` with JSON, so that those in an answer can be found again."""
        function = {"name": "probe_tool", "arguments": TRY_ARGUMENTS}
        call = {"id": "abcdefghi", "type": "function", "function": function}
        turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "", "tool_calls": [call]}]
        tool = {"type": "function", "function": {"name": "probe_tool", "description": "", "parameters": {}}}
        try:
            calls = found_calls(self._text({"messages": turns, "tools": [tool], "add_generation_prompt": False}))
        except TemplateError:
            return False
        return [(call.name, json.loads(call.arguments)) for call in calls] == [("probe_tool", TRY_ARGUMENTS)]

    @cached_property
    def variables(self) -> list[str]:
        """Names the template asks for that a request may set, such as `enable_thinking`."""
        try:
            return sorted(asked_names(self._source) - FIXED - set(self._special))
        except TemplateError:
            return []


def _marked(messages: list[Task]) -> list[Task]:
    last = messages[-1]
    return [*messages[:-1], {**last, "content": f"{last.get('content') or ''}{END_MARK} "}]


def _cut(text: str) -> str:
    """The chat up to the mark. Where a template trims what is said, the blank after it is gone: then it is trimmed."""
    if text.count(END_MARK) != 1:
        raise TemplateError("It cannot leave the last turn open.")
    before, _, after = text.partition(END_MARK)
    return before if after.startswith(" ") else before.rstrip()


def limited(answer: Callable[[Task], Task], task: Task) -> Task:
    """The answer, or `overrun`: why the template was stopped."""
    seconds = allowed_seconds(len(task.get("messages", [])))
    try:
        with limits.cpu_time(seconds, seconds * KILLED_AFTER):
            return answer(task)
    except limits.TemplateOverrunError:
        return {"overrun": f"The model's chat template ran for more than {seconds:g} s on these messages."}
    except MemoryError:
        return {"overrun": "The model's chat template needs more memory than it may have."}


def allowed_seconds(turns: int) -> float:
    return round(min(SECONDS + (turns // MANY_TURNS) ** 2, MOST_SECONDS), 1)


def main() -> None:
    template = json.loads(sys.stdin.readline())
    renderer = Renderer(template["source"], template["special"])
    with limits.memory(SPARE_BYTES):
        for line in sys.stdin:
            answer = limited(renderer.answer, json.loads(line))
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
