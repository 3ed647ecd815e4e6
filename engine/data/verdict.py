"""What is said about a row: accepted (with the repairs made), or rejected with the rule, the value and the fix."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["chat", "completion", "text", "preference", "unpaired", "prompt", "stepwise"]
Row = Mapping[str, Any]
Repairs = set[str]

SHOWN_CHARACTERS = 200

# Each rule by its name, and what to do about a row that breaks it.
RULES = {
    "invalid_json": "Correct the row so that it is valid JSON, on one line in a .jsonl file.",
    "not_utf8": "Save the file as UTF-8.",
    "not_an_object": 'Write each row as an object with named fields, such as {"prompt": ..., "completion": ...}.',
    "too_long": "Split the row; the longest row is 16 MB.",
    "cells": "Give the row as many cells as the header has; put text with delimiters or line breaks into quotes.",
    "unknown_columns": "Use the columns of one of the formats in the guide.",
    "other_kind": "Keep chats, prompt/completion pairs and plain text in files of their own.",
    "not_text": "Write the value as text.",
    "broken_text": "Remove the half characters (lone surrogates); save the file as UTF-8.",
    "empty_question": "Fill the question in, or delete the row.",
    "empty_answer": "Fill the answer in, or delete the row.",
    "empty_text": "Fill the text in, or delete the row.",
    "no_turns": "Give the chat at least one user turn and one assistant turn.",
    "not_a_turn": 'Write each turn as {"role": ..., "content": ...} or {"from": ..., "value": ...}.',
    "unknown_role": "Use the roles system, user and assistant (or human and gpt).",
    "no_answer": "Add an assistant turn with the answer to learn.",
    "starts_with_answer": "Begin with a user turn, before the first answer.",
    "late_system": "Put the system turn first.",
    "tool_calls": "Rows with tool calls cannot be trained on yet; leave them out.",
    "not_text_part": "Rows with images, sound or tool blocks cannot be trained on yet; leave them out.",
    "untrained_turn": "Rows that switch single answers off cannot be trained on yet; remove the flag or the row.",
    "preference": "Rows with a chosen and a rejected answer cannot be trained on yet; keep the chosen answer alone.",
    "unpaired": "Rows with a good/bad label cannot be trained on yet; keep the good answers and remove the label.",
    "stepwise": "Rows with an answer in labelled steps cannot be trained on yet.",
}

# Each repair by its name: safe, made without asking, and counted.
REPAIRS = {
    "dropped_empty_turn": "a turn without text was left out",
    "merged_turns": "turns of the same role in a row became one, with a blank line between",
    "dropped_last_question": "a user turn at the end, which no answer follows, was left out",
    "removed_nul": "NUL characters were removed",
    "number_as_text": "a number was written as text",
    "thoughts_in_answer": "reasoning_content was put before the answer, between <think> and </think>",
    "left_out_tools": "the list of tools was left out; no turn of the row calls one",
}


class Rejection(Exception):  # noqa: N818  (a verdict, not an error of the program)
    """Why a row is not taken. `value` is what broke the rule, cut to what fits on a screen."""

    def __init__(self, rule: str, value: Any = "") -> None:
        super().__init__(rule)
        self.rule = rule
        self.value = shown(value)
        self.fix = RULES[rule]


@dataclass(frozen=True)
class Format:
    """One way people write rows: when a row is written so, and what it becomes.

    `read` gets a row that `fits`, returns the columns of `kind` (see `columnar.SCHEMAS`), adds to the repairs it made,
    and raises Rejection.
    """

    name: str
    kind: Kind
    columns: str  # for people: which columns there are
    example: dict[str, Any]
    fits: Callable[[Row], bool]
    read: Callable[[Row, Repairs], dict[str, Any]]


def shown(value: Any) -> str:
    """A value as a person can read it in a table: short, and always encodable."""
    text = value if isinstance(value, str) else _repr(value)
    text = text[: SHOWN_CHARACTERS + 1].encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."


def _repr(value: Any) -> str:
    if isinstance(value, bytes):
        return value[:SHOWN_CHARACTERS].decode("utf-8", "backslashreplace")
    if isinstance(value, dict):
        value = dict(list(value.items())[:20])
    elif isinstance(value, (list, tuple)):
        value = value[:20]
    try:
        return repr(value)
    except (RecursionError, ValueError):
        return f"a {type(value).__name__}"
