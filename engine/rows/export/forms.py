"""Rows in the forms other programs read. Each form says which kinds it can write, and what it loses of them.

What stands beside a row (`extra`) becomes columns of its own; a column that would take the place of one of the form's
gets an underscore after its name. The number of the row in its source is not written.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from engine.rows.export import turns as export_turns
from engine.rows.verdict import Kind

Row = dict[str, Any]
Write = Callable[[Row], Row | None]
"""A plain row -> its columns in this form, without `extra`; None when it does not fit."""


@dataclass(frozen=True)
class Form:
    """One way of writing rows. `loses` has a sentence for each kind of which not everything comes back."""

    name: str
    label: str
    about: str
    kinds: Mapping[Kind, Write]
    loses: Mapping[Kind, str] = field(default_factory=dict)


def _messages(row: Row) -> Row:
    return {"messages": export_turns.openai(row["messages"]), **_tools(row)}


def _conversations(row: Row) -> Row:
    tools = {"tools": orjson.dumps([tool["function"] for tool in row["tools"]]).decode()} if "tools" in row else {}
    return {"conversations": export_turns.sharegpt(row["messages"]), **tools}


def _instruction(row: Row) -> Row | None:
    return None if "tools" in row else export_turns.alpaca(row["messages"])


def _tools(row: Row) -> Row:
    return {"tools": row["tools"]} if "tools" in row else {}


def _as_it_is(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in ("row", "extra")}


def _as_chat(write: Write) -> Write:
    """A pair in a form for chats."""

    def written(row: Row) -> Row | None:
        turns = [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["completion"]}]
        return write({"messages": turns})

    return written


_BECOMES_CHAT = "A pair becomes a chat of two turns: imported again, it is a chat."
TRL = Form(
    "trl",
    "TRL",
    "The columns TRL's trainers and the datasets library expect for this kind.",
    dict.fromkeys(("chat", "completion", "text", "preference", "unpaired", "prompt", "stepwise"), _as_it_is),
)
OPENAI = Form(
    "openai",
    "OpenAI messages",
    "Chats as OpenAI's fine-tuning takes them: arguments of calls as JSON text, weight 0 for context.",
    {"chat": _messages, "completion": _as_chat(_messages)},
    {"completion": _BECOMES_CHAT},
)
SHAREGPT = Form(
    "sharegpt",
    "ShareGPT",
    "Chats with from and value, as LLaMA-Factory, Axolotl and others read them.",
    {"chat": _conversations, "completion": _as_chat(_conversations)},
    {
        "chat": "Ids of calls, which call a result belongs to, and names of speakers have no place in it; the rest "
        "comes back.",
        "completion": _BECOMES_CHAT,
    },
)
ALPACA = Form(
    "alpaca",
    "Alpaca",
    "instruction and output, with system and history.",
    {"chat": _instruction, "completion": _as_chat(_instruction)},
    {
        "chat": "Chats with tools, context-only answers or another order than question and answer do not fit, and are "
        "left out.",
        "completion": _BECOMES_CHAT,
    },
)
FORMS = {form.name: form for form in (TRL, OPENAI, SHAREGPT, ALPACA)}


def for_kind(kind: Kind) -> list[Form]:
    """The forms rows of a kind can be written in; the first loses nothing."""
    return [form for form in FORMS.values() if kind in form.kinds]


def written(row: Row, form: Form, kind: Kind) -> Row | None:
    """A plain row (see `columnar.plain`) in a form, with what stands beside it; None when it does not fit."""
    values = form.kinds[kind](row)
    if values is None:
        return None
    beside = row.get("extra") or {}
    return {**values, **{free_name(name, values): value for name, value in beside.items()}} if beside else values


def free_name(name: str, taken: Mapping[str, Any]) -> str:
    """The name of a column beside a row, changed when it is one of the form's."""
    while name in taken:
        name += "_"
    return name
