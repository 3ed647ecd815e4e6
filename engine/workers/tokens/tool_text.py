"""Tools in a chat, for templates that know them and for those that do not.

What a template can write is tried out once. Where it cannot write tools, calls or results, they become text in the way
of Hermes and Qwen 2.5: tools in the system turn, `<tool_call>` in the answer, `<tool_response>` in a user's turn.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jinja2 import TemplateError

from engine.workers.tokens.templates import Template

Turns = list[dict[str, Any]]

NOTE = (
    "The model's chat template knows no {what}: they are written as text, with <tools>, <tool_call> and "
    "<tool_response> tags. The studio's own server writes them so, too; ask other servers in this way."
)
SYSTEM = """You may call functions. They are listed as JSON within <tools></tools>:
<tools>
{tools}
</tools>
To call one, answer with its name and arguments as JSON within <tool_call></tool_call>:
<tool_call>
{{"name": <function-name>, "arguments": <arguments>}}
</tool_call>"""
_QUESTION = {"role": "user", "content": "probe_question"}
_TOOL = {
    "type": "function",
    "function": {
        "name": "probe_tool",
        "description": "A probe.",
        "parameters": {"type": "object", "properties": {"key": {"type": "string", "description": "Any."}}},
    },
}


@dataclass(frozen=True)
class ToolText:
    """Writes chats with tools so that one template shows everything in them."""

    template: Template

    def fitted(self, turns: Sequence[Mapping[str, Any]], tools: list[Any] | None) -> tuple[Turns, list[Any] | None]:
        """The chat and the tools for `template.render`, each turn with what else it has (`train`)."""
        if not tools and not any(turn.get("tool_calls") or turn["role"] == "tool" for turn in turns):
            return [dict(turn) for turn in turns], None
        written = [self._fitted_turn(turn) for turn in turns]
        if not self.writes_calls:
            written = _with_joined_results(written)
        if tools and not self.writes_tools:
            return self._with_tools(written, tools), None
        return written, tools or None

    def note(self) -> str:
        """What a person should know when a chat had tools; empty when the template writes all of them."""
        missing = [] if self.writes_tools else ["tools"]
        missing += [] if self.writes_calls else ["tool calls"]
        return NOTE.format(what=" and no ".join(missing)) if missing else ""

    def _fitted_turn(self, turn: Mapping[str, Any]) -> dict[str, Any]:
        calls = turn.get("tool_calls") or []
        if self.writes_calls:
            return {**turn, "tool_calls": [self._fitted_call(call) for call in calls]} if calls else dict(turn)
        fields = {name: value for name, value in turn.items() if name not in ("tool_calls", "tool_call_id", "name")}
        if turn["role"] == "tool":
            return {
                **fields,
                "role": "user",
                "content": f"<tool_response>\n{turn.get('content', '')}\n</tool_response>",
            }
        text = [turn["content"]] if turn.get("content") else []
        return {**fields, "content": "\n".join([*text, *map(_call_text, calls)])}

    def _fitted_call(self, call: Mapping[str, Any]) -> dict[str, Any]:
        if not self._arguments_as_text:
            return dict(call)
        arguments = call["function"].get("arguments", {})
        return {**call, "function": {**call["function"], "arguments": _json(arguments)}}

    def _with_tools(self, turns: Turns, tools: list[Any]) -> Turns:
        text = SYSTEM.format(tools="\n".join(map(_json, tools)))
        first = turns[0] if turns else {}
        if first.get("role") == "system":
            return [{**first, "content": f"{first['content']}\n\n{text}"}, *turns[1:]]
        if self._writes_system or first.get("role") != "user":
            return [{"role": "system", "content": text}, *turns]
        return [{**first, "content": f"{text}\n\n{first['content']}"}, *turns[1:]]

    @cached_property
    def writes_tools(self) -> bool:
        """Whether a list of tools shows in the text."""
        return "probe_tool" in self._rendered([_QUESTION], [_TOOL])

    @cached_property
    def writes_calls(self) -> bool:
        """Whether calls and results show in the text."""
        return self._writes_call(as_text=False) or self._writes_call(as_text=True)

    @cached_property
    def _arguments_as_text(self) -> bool:
        """Whether arguments have to come as JSON text: some templates join them to a string."""
        return not self._writes_call(as_text=False) and self._writes_call(as_text=True)

    @cached_property
    def _writes_system(self) -> bool:
        return "probe_system" in self._rendered([{"role": "system", "content": "probe_system"}, _QUESTION], None)

    def _writes_call(self, as_text: bool) -> bool:
        arguments: Any = {"key": "probe_value"}
        function = {"name": "probe_tool", "arguments": _json(arguments) if as_text else arguments}
        call_turn = {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "abcdefghi", "type": "function", "function": function}],  # Mistral wants nine letters
        }
        result_turn = {"role": "tool", "content": "probe_answer", "tool_call_id": "abcdefghi", "name": "probe_tool"}
        text = self._rendered([_QUESTION, call_turn, result_turn], [_TOOL])
        return "probe_value" in text and "probe_answer" in text

    def _rendered(self, turns: Turns, tools: list[Any] | None) -> str:
        try:
            return self.template.render(turns, tools=tools)
        except TemplateError:
            return ""


def _with_joined_results(turns: Turns) -> Turns:
    """Results that follow one another become one turn of the user: many templates want roles to alternate."""
    joined: Turns = []
    for turn in turns:
        if joined and turn["role"] == "user" == joined[-1]["role"]:
            joined[-1] = {**joined[-1], "content": f"{joined[-1]['content']}\n{turn['content']}"}
        else:
            joined.append(turn)
    return joined


def _call_text(call: Mapping[str, Any]) -> str:
    function = call.get("function", call)
    payload = {"name": function.get("name", ""), "arguments": function.get("arguments", {})}
    return f"<tool_call>\n{_json(payload)}\n</tool_call>"


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
