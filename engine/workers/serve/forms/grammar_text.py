"""Writes the form of an answer as a grammar of llguidance: Lark, with JSON schemas and expressions in it."""

import json
from typing import Any

import llguidance
from jsonschema import SchemaError
from jsonschema.validators import Draft202012Validator, validator_for

from engine.workers.serve.calls import BEGIN, END
from engine.workers.serve.errors import RequestError
from engine.workers.serve.forms.structured import MOST_CHARACTERS, Calls, Form

# Between the parts of JSON one blank, or a new line with its indent. Small models like to fill an answer with blanks,
# and where any number of them is allowed such an answer has no end but max_tokens.
BLANKS = r"( |\n[ \t]{0,32})"
OBJECTS_IN_PLACE = ("allOf", "anyOf", "oneOf", "if", "not", "$ref", "$dynamicRef", "dependentSchemas")
MAPS_OF_SCHEMAS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
SCHEMAS = ("additionalProperties", "items", "prefixItems", "allOf", "anyOf", "oneOf", "not", "if", "then", "else")


def grammar_of(form: Form) -> str:
    """The grammar. Raises RequestError for a schema that is none, or is too large."""
    if form.kind == "calls":
        return _calls(form.value, form.field)
    if form.kind == "json":
        return f"start: %json {json_text(form)}\n"
    if form.kind == "regex":
        return str(llguidance.LLMatcher.grammar_from_regex(form.value))
    if form.kind == "choice":
        return "start: " + " | ".join(_quoted(choice) for choice in form.value) + "\n"
    try:
        return str(llguidance.grammar_from("grammar", form.value))
    except ValueError as error:
        raise wrong(form.field, str(error)) from error


def wrong(field: str, reason: str) -> RequestError:
    """The form cannot be kept to; `reason` is the library's."""
    reason = " ".join(reason.replace("<non-verbose/>", "").split())
    return RequestError(f"`{field}` cannot be used: {reason}"[:500], field, "invalid_schema")


def json_text(form: Form) -> str:
    """A checked schema, as the library reads it."""
    schema: Any = form.value
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except (ValueError, RecursionError) as error:
            raise wrong(form.field, f"it is not JSON ({error})") from error
    if not isinstance(schema, dict):
        schema = {"allOf": [schema]} if isinstance(schema, bool) else schema
    try:
        _check(schema, form.field)
        return json.dumps(closed(schema) | {"x-guidance": _options(form.blanks)}, ensure_ascii=False)
    except RecursionError as error:
        raise wrong(form.field, "it is nested too deeply.") from error


def _options(blanks: bool) -> dict[str, Any]:
    """In place of what the schema says itself, which could switch the checks off."""
    return {"whitespace_pattern": BLANKS} if blanks else {"whitespace_flexible": False}


def _check(schema: Any, field: str) -> None:
    try:
        size = len(json.dumps(schema, ensure_ascii=False))
        if size > MOST_CHARACTERS:
            raise wrong(field, f"it has {size} characters, and {MOST_CHARACTERS} is the most.")
        validator_for(schema, default=Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        raise wrong(field, f"at {error.json_path}: {error.message[:200]}.") from error


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with no other properties than it names, where it leaves that open: OpenAI's strict, vLLM's default.

    Left as it is where objects are put together of several schemas: closing each would leave nothing they agree on.
    """
    return schema if any(_is_put_together(part) for part in _parts(schema)) else dict(_closed(schema))


def _is_put_together(schema: dict[str, Any]) -> bool:
    return "allOf" in schema or ("properties" in schema and any(name in schema for name in OBJECTS_IN_PLACE))


def _parts(schema: Any) -> list[dict[str, Any]]:
    """The schema and every one in it. A property that is called as a keyword is none."""
    if isinstance(schema, list):
        return [part for entry in schema for part in _parts(entry)]
    if not isinstance(schema, dict):
        return []
    below = [schema[name] for name in SCHEMAS if name in schema]
    below += [list(schema[name].values()) for name in MAPS_OF_SCHEMAS if isinstance(schema.get(name), dict)]
    return [schema, *(part for entry in below for part in _parts(entry))]


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: _closed(schema[name]) for name in SCHEMAS if name in schema}
    for name in MAPS_OF_SCHEMAS:
        if isinstance(schema.get(name), dict):
            inner[name] = {key: _closed(part) for key, part in schema[name].items()}
    opened = "properties" in schema and "additionalProperties" not in schema and "patternProperties" not in schema
    return {**schema, **inner, **({"additionalProperties": False} if opened else {})}


def _calls(calls: Calls, field: str) -> str:
    """Calls the way of Hermes and Qwen, which `calls` reads again."""
    numbers = range(len(calls.functions))
    bodies = " | ".join(f"body_{number}" for number in numbers)
    more = f'("\\n" {_quoted(BEGIN)} body){{0,{calls.most - 1}}}' if calls.most > 1 else ""
    lines = [f"body: {bodies}"]
    if calls.free:  # the first tag that comes begins a call; without one the answer is words
        lines = ["start: (call)* words", "words: WORDS", r"WORDS: /(.|\n)*/", "call: tag body", *lines]
        lines.append(f"tag[lazy]: WORDS {_quoted(BEGIN)}")
    else:
        instead = f" | %json {json_text(calls.instead)}" if calls.instead else ""
        lines = [f"start: called{instead}", f"called: {_quoted(BEGIN)} body {more}", *lines]
    for number, function in zip(numbers, calls.functions, strict=True):
        head = f'\n{{"name": {_quoted(function["name"])}, "arguments": '
        lines.append(
            f"body_{number}: {_quoted(head)} %json {_arguments(function, field)} {_quoted('}' + chr(10) + END)}"
        )
    return "\n".join(lines) + "\n"


def _arguments(function: dict[str, Any], field: str) -> str:
    parameters = {"type": "object", **(function.get("parameters") or {})}
    name = f"{field}.{function['name'][:64]}.parameters"
    if parameters["type"] != "object":
        raise wrong(name, "arguments are an object.")
    return json_text(Form("json", parameters, name))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
