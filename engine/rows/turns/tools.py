"""Tools and calls of tools, from every way of writing them to the one the templates of models read.

A tool: {"type": "function", "function": {"name", "description", "parameters"}}. A call: {"id"?, "type": "function",
"function": {"name", "arguments": object}}.
"""

from typing import Any

import orjson

from engine.rows import exact_json
from engine.rows.turns import cells
from engine.rows.verdict import Parts, Rejection, Repairs, Row, Values

ARGUMENTS = ("arguments", "parameters", "input", "args")
SCHEMAS = ("parameters", "input_schema")


def calls(value: Any) -> list[dict[str, Any]]:
    """The calls in a value: one or several, as objects or as JSON text. Raises Rejection."""
    opened = cells.opened(value)
    if not opened:
        return []
    return [_call(cells.opened(call)) for call in (opened if isinstance(opened, list) else [opened])]


def _call(value: Any) -> dict[str, Any]:
    inner = value.get("function", value) if isinstance(value, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str) or not inner["name"].strip():
        raise Rejection("not_a_call", value)
    key = cells.first(inner, ARGUMENTS)
    arguments = _arguments(inner[key] if key else None)
    if not isinstance(arguments, dict):
        raise Rejection("not_a_call", value)
    function = {"name": cells.plain(inner["name"]), "arguments": cells.plain(arguments)}
    call = {"type": "function", "function": function}
    call_id = value.get("id")
    return {"id": cells.plain(call_id), **call} if isinstance(call_id, str) and call_id else call


def _arguments(value: Any) -> Any:
    """An object, its JSON text, or the JSON text of that; nothing at all is no arguments."""
    for _ in range(2):
        if isinstance(value, str) and value.strip():
            try:
                value = exact_json.loads(value)
            except orjson.JSONDecodeError:
                return value
    return {} if value is None or value == "" or value == [] else value


def tools(value: Any) -> list[dict[str, Any]] | None:
    """The tools in a value; None when it is no list of tools."""
    opened = cells.opened(value)
    opened_tools = [cells.opened(tool) for tool in (opened if isinstance(opened, list) else [opened] if opened else [])]
    if not all(_is_tool(tool) for tool in opened_tools):
        return None
    return [_tool(tool) for tool in opened_tools]


def _is_tool(tool: Any) -> bool:
    if not isinstance(tool, dict):
        return False
    function = tool.get("function", tool)
    return isinstance(function, dict) and isinstance(function.get("name"), str)


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    if "function" in tool:
        plain: dict[str, Any] = cells.plain({"type": "function", **tool})
        return plain
    key = cells.first(tool, SCHEMAS)
    function = {name: value for name, value in tool.items() if name not in ("type", key)}
    return {"type": "function", "function": cells.plain({**function, "parameters": tool[key]} if key else function)}


def with_tools(row: Row, parts: Parts, values: Values, repairs: Repairs) -> Values:
    """The values of a row with the tools that stand beside its turns. Raises Rejection when a turn calls a tool, and
    what should be the list of tools is none."""
    if "tools" not in parts:
        return values
    column = parts["tools"]
    row_tools = tools(row[column])
    if row_tools:
        return {**values, "tools": row_tools}
    if row_tools is None:
        if any("tool_calls" in turn for turns in values.values() if isinstance(turns, list) for turn in turns):
            raise Rejection("not_tools", row[column])
        repairs.add("left_out_tools")
        return {**values, "extra": {column: cells.plain(row[column])}}
    return values


def as_text(value: Any, repairs: Repairs) -> str:
    """The result of a tool as text: objects as JSON."""
    if isinstance(value, (dict, list)):
        repairs.add("object_as_json")
        return orjson.dumps(cells.plain(value)).decode()
    return cells.text(value, repairs, "content")
