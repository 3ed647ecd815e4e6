"""One row as a person reads it: a chat, a pair to prefer from, labelled steps, or its columns; the rest folded away."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from pages.parts import html

LONGEST_SHOWN = 6_000  # characters of one message; a row may have megabytes
MOST_TURNS = 60
_SIDES = {"user": "user", "assistant": "assistant", "prompt": "user", "completion": "assistant", "tool": "tool"}
_NOT_TEXTS = ("row", "tools", "extra", "label")  # parts of a row that are no text of it


def row_html(row: Mapping[str, Any], number: object = None, aside: object = "") -> Markup:
    """One row in a list. `number` stands at its side (its number in the source), `aside` under it, such as a link."""
    return Markup(
        '<li class="da-row"><div class="da-side"><span class="da-number" title="Row in the file">{}</span>{}</div>'
        "{}</li>"
    ).format(row.get("row", "") if number is None else number, aside, content_html(row))


def content_html(row: Mapping[str, Any]) -> Markup:
    """What a row says, whatever its kind: see `engine.rows.store.columnar.SCHEMAS` for the columns of each."""
    if "chosen" in row and "rejected" in row:
        body = _preference(row)
    elif isinstance(row.get("completions"), list):
        body = _stepwise(row)
    else:
        body = _chat(row)
    return Markup('<div class="da-content">{}{}{}{}</div>').format(
        _tools(row.get("tools")), body, _label(row.get("label")), _extra(row.get("extra"))
    )


def _chat(row: Mapping[str, Any]) -> Markup:
    return _bubbles([turn for name, value in row.items() if name not in _NOT_TEXTS for turn in turns_of(name, value)])


def _preference(row: Mapping[str, Any]) -> Markup:
    sides = html.join(
        Markup('<section data-side="{}"><h3>{}</h3>{}</section>').format(
            name, name, _bubbles(turns_of("assistant", row[name]))
        )
        for name in ("chosen", "rejected")
    )
    return Markup('{}<div class="da-pair">{}</div>').format(_bubbles(turns_of("prompt", row.get("prompt"))), sides)


def _stepwise(row: Mapping[str, Any]) -> Markup:
    labels = row.get("labels") or []
    steps = html.join(
        Markup('<li data-good="{}"><b>{}</b><span>{}</span></li>').format(
            "yes" if right else "no", "right" if right else "wrong", _cut(step)
        )
        for step, right in zip(row["completions"], labels, strict=False)
    )
    return Markup('{}<ol class="da-steps">{}</ol>').format(_bubbles(turns_of("prompt", row.get("prompt"))), steps)


def turns_of(name: str, value: Any) -> list[Mapping[str, Any]]:
    """A value as turns: a list of them as it is, anything else as one turn of its column."""
    if value is None:
        return []
    if isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(item, Mapping) for item in value):
        return list(value)
    return [{"role": name, "content": value}]


def _bubbles(turns: Sequence[Mapping[str, Any]]) -> Markup:
    hidden_count = len(turns) - MOST_TURNS
    hidden_note = (
        Markup('<p class="da-more">and {} more turns</p>').format(html.count(hidden_count)) if hidden_count > 0 else ""
    )
    return Markup('<div class="da-chat">{}{}</div>').format(html.join(map(_bubble, turns[:MOST_TURNS])), hidden_note)


def _bubble(turn: Mapping[str, Any]) -> Markup:
    role = str(turn.get("role", ""))
    content = turn.get("content")
    text = Markup("<p>{}</p>").format(_cut(content)) if content not in ("", None) else ""
    name_code = Markup(" <code>{}</code>").format(turn["name"]) if turn.get("name") else ""
    context = turn.get("train") is False
    context_mark = Markup(' <i title="Nothing is learnt from this turn.">context only</i>') if context else ""
    return Markup('<div class="da-turn" data-side="{}"{}><b>{}{}{}</b>{}{}</div>').format(
        _SIDES.get(role, "other"),
        Markup(" data-context") if context else "",
        role,
        name_code,
        context_mark,
        text,
        _calls(turn.get("tool_calls")),
    )


def _calls(calls: Any) -> Markup:
    functions = [call.get("function", call) for call in calls or [] if isinstance(call, Mapping)]
    return html.join(
        Markup('<p class="da-call"><span>calls</span> <code>{}</code></p>').format(_cut(_call(function)))
        for function in functions
        if isinstance(function, Mapping)
    )


def _call(function: Mapping[str, Any]) -> str:
    """`name(city="Paris", days=3)`, as one reads a call."""
    arguments = function.get("arguments")
    if isinstance(arguments, Mapping):
        arguments_text = ", ".join(f"{name}={_json(value)}" for name, value in arguments.items())
    else:
        arguments_text = "" if arguments is None else str(arguments)
    return f"{function.get('name', '?')}({arguments_text})"


def _tools(tools: Any) -> Markup:
    if not isinstance(tools, list) or not tools:
        return Markup()
    functions = [tool.get("function", tool) for tool in tools if isinstance(tool, Mapping)]
    names = [str(function.get("name", "?")) for function in functions if isinstance(function, Mapping)]
    title = f"{len(tools)} {'tool' if len(tools) == 1 else 'tools'}: {', '.join(names[:6])}"
    return _folded(title + (" ..." if len(names) > 6 else ""), tools)


def _extra(extra: Any) -> Markup:
    if not isinstance(extra, Mapping) or not extra:
        return Markup()
    names = ", ".join(map(str, list(extra)[:6]))
    return _folded(f"not learnt: {names}" + (" ..." if len(extra) > 6 else ""), extra)


def _folded(title: str, value: Any) -> Markup:
    return Markup('<details class="da-fold"><summary>{}</summary><pre class="ts-code">{}</pre></details>').format(
        title, _cut(value)
    )


def _label(label: Any) -> Markup:
    if not isinstance(label, bool):
        return Markup()
    tone, word = ("good", "good answer") if label else ("bad", "bad answer")
    return Markup('<p class="da-label"><span class="ts-badge" data-tone="{}"><i></i>{}</span></p>').format(tone, word)


def _cut(value: Any) -> Markup:
    """Text as far as it fits, and how much of it does not."""
    text = value if isinstance(value, str) else _json(value, indent=2)
    hidden_count = len(text) - LONGEST_SHOWN
    hidden_note = (
        Markup("<small>{} more characters</small>").format(html.count(hidden_count)) if hidden_count > 0 else ""
    )
    return Markup("{}{}").format(text[:LONGEST_SHOWN], hidden_note)


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, default=str)
