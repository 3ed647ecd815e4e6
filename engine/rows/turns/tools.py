"""Tools and calls of tools, from every way of writing them to the one the templates of models read.

A tool: {"type": "function", "function": {"name", "description", "parameters"}}. A call: {"id"?, "type": "function",
"function": {"name", "arguments": object}}.
"""

from typing import Any

import orjson

from engine.rows.turns import cells
from engine.rows.verdict import Parts, Rejection, Repairs, Row, Values

ARGUMENTS = ("arguments", "parameters", "input", "args")
SCHEMAS = ("parameters", "input_schema")


def calls(value: Any) -> list[dict[str, Any]]:
    """The calls in a value: one or several, as objects or as JSON text. Raises Rejection."""
    found = cells.opened(value)
    if not found:
        return []
    return [_call(cells.opened(one)) for one in (found if isinstance(found, list) else [found])]


def _call(written: Any) -> dict[str, Any]:
    inner = written.get("function", written) if isinstance(written, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str) or not inner["name"].strip():
        raise Rejection("not_a_call", written)
    key = cells.first(inner, ARGUMENTS)
    arguments = _arguments(inner[key] if key else None)
    if not isinstance(arguments, dict):
        raise Rejection("not_a_call", written)
    function = {"name": cells.plain(inner["name"]), "arguments": cells.plain(arguments)}
    call = {"type": "function", "function": function}
    known = written.get("id")
    return {"id": cells.plain(known), **call} if isinstance(known, str) and known else call


def _arguments(value: Any) -> Any:
    """An object, its JSON text, or the JSON text of that; nothing at all is no arguments."""
    for _ in range(2):
        if isinstance(value, str) and value.strip():
            try:
                value = orjson.loads(value)
            except orjson.JSONDecodeError:
                return value
    return {} if value is None or value == "" or value == [] else value


def tools(value: Any) -> list[dict[str, Any]] | None:
    """The tools in a value; None when it is no list of tools."""
    found = cells.opened(value)
    listed = [cells.opened(one) for one in (found if isinstance(found, list) else [found] if found else [])]
    if not all(_is_tool(one) for one in listed):
        return None
    return [_tool(one) for one in listed]


def _is_tool(one: Any) -> bool:
    if not isinstance(one, dict):
        return False
    inner = one.get("function", one)
    return isinstance(inner, dict) and isinstance(inner.get("name"), str)


def _tool(one: dict[str, Any]) -> dict[str, Any]:
    if "function" in one:
        plain: dict[str, Any] = cells.plain({"type": "function", **one})
        return plain
    key = cells.first(one, SCHEMAS)
    inner = {name: value for name, value in one.items() if name not in ("type", key)}
    return {"type": "function", "function": cells.plain({**inner, "parameters": one[key]} if key else inner)}


def beside(row: Row, parts: Parts, values: Values, repairs: Repairs) -> Values:
    """The values of a row with the tools that stand beside its turns. Raises Rejection when a turn calls a tool, and
    what should be the list of tools is none."""
    if "tools" not in parts:
        return values
    column = parts["tools"]
    listed = tools(row[column])
    if listed:
        return {**values, "tools": listed}
    if listed is None:
        if any("tool_calls" in turn for said in values.values() if isinstance(said, list) for turn in said):
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
