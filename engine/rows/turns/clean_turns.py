"""The short way for the rows most files consist of: nothing to repair, nothing to refuse, nothing to rewrite.

A chat that needs more than this gives None and goes the long way (`turns`, `order`), which says exactly what is wrong.
"""

from typing import Any

from engine.rows.turns import cells
from engine.rows.turns.role_names import Words
from engine.rows.turns.turns import Turn
from engine.rows.verdict import Parts, Row

_FOLLOWS = {"": ("system", "user"), "system": ("user",), "user": ("assistant",), "assistant": ("user",)}
_BESIDE = {"messages", "input", "system", "history", "tools"}
_MAY_BE_TURNS = "[{\n \tH"  # JSON, or a transcript (`Human: ...`)
_OURS = ("role", "content")


def chat(found: Any, words: Words) -> list[Turn] | None:
    """The turns of a chat whose every turn is just a role and a clean text, in an order that can be learnt."""
    keys = _keys(found, words)
    if keys is None:
        return None
    who, what = keys
    roles, before, ours = words.roles, "", keys == _OURS
    try:
        for turn in found:
            written, said = turn[who], turn[what]
            role = roles[written]
            if len(turn) != 2 or role not in _FOLLOWS[before] or not _clean(said):
                return None
            if role != written:
                ours = False
            before = role
    except (KeyError, TypeError):
        return None
    if before != "assistant":
        return None
    as_written: list[Turn] = found
    return as_written if ours else [{"role": roles[turn[who]], "content": turn[what]} for turn in found]


def _keys(found: Any, words: Words) -> tuple[str, str] | None:
    """The keys of its first turn for who speaks and what."""
    if type(found) is not list or not found or type(first := found[0]) is not dict:
        return None
    if "role" in first and "content" in first and words.who[0] == "role":
        return _OURS
    for who in words.who:
        if who in first:
            return next(((who, what) for what in words.what if what in first), None)
    return None


def _clean(said: Any) -> bool:
    """Text with something in it, and nothing that would have to be repaired or refused."""
    if type(said) is not str or not said or said.isspace() or "\x00" in said:
        return False
    return said.isascii() or cells.is_clean(said)


def is_plain(text: str) -> bool:
    """Whether a text (not an empty one) begins like a text, not like turns written as JSON or as a transcript."""
    return text[0] not in _MAY_BE_TURNS


def answer(value: Any) -> list[Turn] | None:
    """An answer that is one clean text."""
    return [{"role": "assistant", "content": value}] if _clean(value) and is_plain(value) else None


def question(row: Row, parts: Parts) -> list[Turn] | None:
    """A prompt that is one clean text, in a row with nothing else that belongs to it."""
    if not _BESIDE.isdisjoint(parts) or "prompt" not in parts:
        return None
    asked = row[parts["prompt"]]
    return [{"role": "user", "content": asked}] if _clean(asked) and is_plain(asked) else None


def pair(row: Row, parts: Parts) -> tuple[str, str] | None:
    """The question (with what it is about) and the answer of a row that has just these, as clean texts."""
    if len(parts) > 2 + ("input" in parts):
        return None
    asked, answered = row[parts["prompt"]], row[parts["completion"]]
    if not (_clean(asked) and _clean(answered)):
        return None
    if "input" in parts:
        more = row[parts["input"]]
        if not _clean(more):
            return None
        asked = f"{asked}\n{more}"
    return asked, answered
