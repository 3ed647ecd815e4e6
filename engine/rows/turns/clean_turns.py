"""The short way for the rows most files consist of: nothing to repair, nothing to refuse, nothing to rewrite.

A chat that needs more than this gives None and goes the long way (`turns`, `ordering`), which says exactly what is
wrong.
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


def chat(chat_turns: Any, words: Words) -> list[Turn] | None:
    """The turns of a chat whose every turn is just a role and a clean text, in an order that can be learnt."""
    keys = _keys(chat_turns, words)
    if keys is None:
        return None
    role_key, text_key = keys
    roles, previous_role, in_our_words = words.roles, "", keys == _OURS
    try:
        for turn in chat_turns:
            role_name, text = turn[role_key], turn[text_key]
            role = roles[role_name]
            if len(turn) != 2 or role not in _FOLLOWS[previous_role] or not _clean(text):
                return None
            if role != role_name:
                in_our_words = False
            previous_role = role
    except (KeyError, TypeError):
        return None
    if previous_role != "assistant":
        return None
    as_written: list[Turn] = chat_turns
    return (
        as_written
        if in_our_words
        else [{"role": roles[turn[role_key]], "content": turn[text_key]} for turn in chat_turns]
    )


def _keys(turns: Any, words: Words) -> tuple[str, str] | None:
    """The keys of its first turn for who speaks and what."""
    if type(turns) is not list or not turns or type(first := turns[0]) is not dict:
        return None
    if "role" in first and "content" in first and words.who[0] == "role":
        return _OURS
    for role_key in words.who:
        if role_key in first:
            return next(((role_key, text_key) for text_key in words.what if text_key in first), None)
    return None


def _clean(text: Any) -> bool:
    """Text with something in it, and nothing that would have to be repaired or refused."""
    if type(text) is not str or not text or text.isspace() or "\x00" in text:
        return False
    return text.isascii() or cells.is_clean(text)


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
    prompt = row[parts["prompt"]]
    return [{"role": "user", "content": prompt}] if _clean(prompt) and is_plain(prompt) else None


def pair(row: Row, parts: Parts) -> tuple[str, str] | None:
    """The question (with what it is about) and the answer of a row that has just these, as clean texts."""
    if len(parts) > 2 + ("input" in parts):
        return None
    prompt, completion = row[parts["prompt"]], row[parts["completion"]]
    if not (_clean(prompt) and _clean(completion)):
        return None
    if "input" in parts:
        context = row[parts["input"]]
        if not _clean(context):
            return None
        prompt = f"{prompt}\n{context}"
    return prompt, completion
