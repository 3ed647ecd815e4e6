"""The page that lists every operation. Made from the schema, so it cannot be out of date, and it needs no CDN."""

import json
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse

router = APIRouter()

PAGE = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>API - Tunesmith</title><link rel="icon" href="data:,"><style>
:root {{ color-scheme: light dark; --soft: light-dark(#5a6478, #9aa6c0); --line: light-dark(#d5dae6, #2c3650);
  --back: light-dark(#fff, #0b1020); --text: light-dark(#172033, #e8ecf6) }}
body {{ max-width: 60rem; margin: 2rem auto; padding: 0 1rem; background: var(--back); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif }}
code, pre {{ font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap }}
details {{ border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0; padding: .5rem .75rem }}
summary {{ cursor: pointer }} summary b {{ display: inline-block; min-width: 4.5rem }}
table {{ border-collapse: collapse; width: 100% }} td, th {{ text-align: left; vertical-align: top;
  padding: .25rem .75rem .25rem 0; border-top: 1px solid var(--line) }} .soft {{ color: var(--soft) }}
</style></head><body><main><h1>Tunesmith API {version}</h1>
<p>Send <code>Authorization: Bearer TOKEN</code>: the studio's token, or an API key. Errors are
<code>{{"error": {{"type", "message", "hint"}}}}</code>. Machines read <a href="/api/openapi.json">openapi.json</a>.
The OpenAI-compatible API is under <code>/v1</code>.</p>
{sections}</main></body></html>
""")
SECTION = Markup("<h2>{}</h2>{}")
OPERATION = Markup(
    '<details id="{id}"><summary><b>{verb}</b> <code>{path}</code> <span class="soft">{summary}</span></summary>'
    "<p>{description}</p>{parameters}{body}<h3>Answers</h3><table>{answers}</table></details>"
)
ROW = Markup('<tr><td><code>{}</code></td><td class="soft">{}</td><td>{}</td></tr>')


@router.get("/docs", include_in_schema=False)
def show_docs(request: Request) -> HTMLResponse:
    """Every operation by its noun, with parameters, bodies and answers."""
    return HTMLResponse(render(request.app.openapi()))


def render(schema: dict[str, Any]) -> str:
    """The page for an OpenAPI schema."""
    nouns: dict[str, list[Markup]] = {}
    for path, operations in schema["paths"].items():
        for verb, operation in operations.items():
            noun = (operation.get("tags") or ["other"])[0]
            nouns.setdefault(noun, []).append(_operation(schema, verb.upper(), path, operation))
    sections = Markup("").join(SECTION.format(noun, Markup("").join(rows)) for noun, rows in nouns.items())
    return str(PAGE.format(version=schema["info"]["version"], sections=sections))


def _operation(schema: dict[str, Any], verb: str, path: str, operation: dict[str, Any]) -> Markup:
    parameters = [
        ROW.format(
            parameter["name"], f"{parameter['in']}, {_type(parameter['schema'])}", parameter.get("description", "")
        )
        for parameter in operation.get("parameters", [])
    ]
    return OPERATION.format(
        id=operation["operationId"],
        verb=verb,
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        parameters=_table("Parameters", parameters),
        body=Markup("").join(_bodies(schema, operation)),
        answers=Markup("").join(_answers(schema, operation)),
    )


def _bodies(schema: dict[str, Any], operation: dict[str, Any]) -> Iterator[Markup]:
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield _table(f"Body, {kind}", list(_fields(schema, content["schema"])))


def _answers(schema: dict[str, Any], operation: dict[str, Any]) -> Iterator[Markup]:
    for status, answer in operation["responses"].items():
        content = answer.get("content", {}).get("application/json", {}).get("schema", {})
        yield ROW.format(status, _type(content) if content else "", answer["description"])
        yield from _fields(schema, content) if status.startswith("2") else ()


def _fields(schema: dict[str, Any], kind: dict[str, Any]) -> Iterator[Markup]:
    kind = _resolved(schema, kind.get("items", kind))
    for name, field in kind.get("properties", {}).items():
        words = _type(field) + (f", {json.dumps(field['default'])} by default" if "default" in field else "")
        yield ROW.format(name, words, field.get("description", ""))


def _resolved(schema: dict[str, Any], kind: dict[str, Any]) -> dict[str, Any]:
    name = kind.get("$ref", "").rpartition("/")[2]
    return schema["components"]["schemas"][name] if name else kind


def _type(kind: dict[str, Any]) -> str:
    """A type in a word or two, as people write it."""
    if "$ref" in kind:
        return str(kind["$ref"]).rpartition("/")[2]
    if "anyOf" in kind:
        return " or ".join(dict.fromkeys(_type(option) for option in kind["anyOf"]))
    if "enum" in kind or "const" in kind:
        return " | ".join(str(value) for value in kind.get("enum", [kind.get("const")]))
    if kind.get("type") == "array":
        return f"list of {_type(kind.get('items', {}))}"
    return str(kind.get("type", "any"))


def _table(title: str, rows: list[Markup]) -> Markup:
    return Markup("<h3>{}</h3><table>{}</table>").format(title, Markup("").join(rows)) if rows else Markup("")
