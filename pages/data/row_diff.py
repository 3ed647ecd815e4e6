"""A row before and after, readable: what was struck out and what was put in, word by word."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from markupsafe import Markup, escape

from pages.data import row_view
from pages.parts import html

MOST_WORDS = 600  # of one text; comparing takes time with the square of it
_WORD = re.compile(r"\w+|\s+|[^\w\s]")


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
    """One text with what was struck out and put in; very long ones as a whole."""
    if old == new:
        return escape(new[: row_view.LONGEST_SHOWN])
    old_words, new_words = _WORD.findall(old), _WORD.findall(new)
    if max(len(old_words), len(new_words)) > MOST_WORDS:
        half_length = row_view.LONGEST_SHOWN // 2
        return _marked("del", old[:half_length]) + Markup("<br>") + _marked("ins", new[:half_length])
    matcher = difflib.SequenceMatcher(None, old_words, new_words, autojunk=False)
    return html.join(_changed_words(step, old_words, new_words) for step in matcher.get_opcodes())


def _changed_words(step: tuple[str, int, int, int, int], old_words: list[str], new_words: list[str]) -> Markup:
    kind, old_start, old_end, new_start, new_end = step
    if kind == "equal":
        return escape("".join(new_words[new_start:new_end]))
    return _marked("del", "".join(old_words[old_start:old_end])) + _marked("ins", "".join(new_words[new_start:new_end]))


def _marked(tag: str, text: str) -> Markup:
    if not text:
        return Markup()
    return Markup("<del>{}</del>").format(text) if tag == "del" else Markup("<ins>{}</ins>").format(text)
