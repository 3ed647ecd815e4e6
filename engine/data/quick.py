"""The short way for the rows most files consist of: nothing to repair, nothing to refuse, nothing to rewrite.

A chat that needs more than this gives None and goes the long way (`turns`, `order`), which says exactly what is wrong.
"""

from typing import Any

from engine.data.turns import Turn
from engine.data.verdict import Parts, Row
from engine.data.words import Words

_FOLLOWS = {"": ("system", "user"), "system": ("user",), "user": ("assistant",), "assistant": ("user",)}


def chat(found: Any, words: Words) -> list[Turn] | None:
    """The turns of a chat whose every turn is just a role and a clean text, in an order that can be learnt."""
    if type(found) is not list or not found or type(found[0]) is not dict:
        return None
    keys = _keys(found[0], words)
    if keys is None:
        return None
    who, what = keys
    as_ours = keys == ("role", "content")
    roles, kept, before = words.roles, [], ""
    try:
        for turn in found:
            written, said = turn[who], turn[what]
            role = roles[written]
            if len(turn) != 2 or role not in _FOLLOWS[before] or not _clean(said):
                return None
            kept.append(turn if as_ours and role == written else {"role": role, "content": said})
            before = role
    except (KeyError, TypeError):
        return None
    return kept if before == "assistant" else None


def _keys(turn: dict[str, Any], words: Words) -> tuple[str, str] | None:
    for who in words.who:
        if who in turn:
            return next(((who, what) for what in words.what if what in turn), None)
    return None


def _clean(said: Any) -> bool:
    """Text with something in it, and nothing that would have to be repaired or refused."""
    if type(said) is not str or not said or said.isspace() or "\x00" in said:
        return False
    if not said.isascii():
        try:
            said.encode()
        except UnicodeEncodeError:
            return False
    return True


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
