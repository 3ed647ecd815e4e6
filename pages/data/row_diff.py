"""A row before and after, readable: what was struck out and what was put in, word by word."""

import json
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from markupsafe import Markup, escape

from engine.rows import word_changes
from pages.data import row_view
from pages.parts import html


def changed_html(before: Mapping[str, Any], after: Mapping[str, Any]) -> Markup:
    """Every text of the row, with its changes marked."""
    pairs = zip_longest(_texts(before), _texts(after), fillvalue=("", ""))
    return Markup('<div class="da-chat dt-diff">{}</div>').format(
        html.join(_bubble(old[0] or new[0], new[0] or old[0], old[1], new[1]) for old, new in pairs)
    )


def _texts(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(role or column, text) of everything in a row."""
    for name, value in row.items():
        if name == "row":
            continue
        turns = row_view.turns_of(name, value)
        if name in ("tools", "extra") or not all("role" in turn for turn in turns):
            yield name, _plain_text(value)
            continue
        for turn in turns:
            calls = _plain_text(turn["tool_calls"]) if turn.get("tool_calls") else ""
            side = f"{name}: " if name in ("chosen", "rejected") else ""
            flag = " (context only)" if turn.get("train") is False else ""
            yield (
                f"{side}{turn['role']}{flag}",
                "\n".join(filter(None, (_plain_text(turn.get("content") or ""), calls))),
            )


def _plain_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _bubble(old_role: str, new_role: str, old_text: str, new_text: str) -> Markup:
    head = (
        Markup("{}").format(new_role)
        if old_role == new_role
        else Markup("<del>{}</del> <ins>{}</ins>").format(old_role, new_role)
    )
    side = "user" if new_role.startswith("user") else "assistant" if new_role.startswith("assistant") else "other"
    same = Markup(" data-same") if old_text == new_text else ""
    return Markup('<div class="da-turn" data-side="{}"{}><b>{}</b><p>{}</p></div>').format(
        side, same, head, words_html(old_text, new_text)
    )


def words_html(old: str, new: str) -> Markup:
    """One text with what was struck out and put in; of endless ones the beginning."""
    pieces = word_changes.compare(old[: row_view.LONGEST_SHOWN], new[: row_view.LONGEST_SHOWN])
    hidden_count = max(len(old), len(new)) - row_view.LONGEST_SHOWN
    hidden_note = Markup("<small>{} more characters</small>").format(html.count(hidden_count))
    return html.join(map(piece_html, pieces)) + (hidden_note if hidden_count > 0 else "")


def piece_html(piece: word_changes.Piece) -> Markup:
    """A stretch of text as it is, struck out or put in."""
    match piece.kind:
        case "removed":
            return Markup("<del>{}</del>").format(piece.text)
        case "added":
            return Markup("<ins>{}</ins>").format(piece.text)
    return escape(piece.text)
