"""What is said about a row: accepted (with the repairs made), or rejected with the rule, the value and the fix."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["chat", "completion", "text", "preference", "unpaired", "prompt", "stepwise"]
Row = Mapping[str, Any]
Parts = Mapping[str, str]  # part of a row -> the column it is in
Values = dict[str, Any]
Repairs = set[str]

SHOWN_CHARACTERS = 200

# Each rule by its name, and what to do about a row that breaks it.
RULES = {
    "invalid_json": "Correct the row so that it is valid JSON, on one line in a .jsonl file.",
    "not_utf8": "Save the file as UTF-8, or say in which encoding it is.",
    "not_an_object": 'Write each row as an object with named fields, such as {"prompt": ..., "completion": ...}.',
    "too_long": "Split the row; the longest row is 16 MB.",
    "too_deep": "Flatten the row; at most 100 lists and objects may be nested.",
    "cells": "Give the row as many cells as the header has; put text with delimiters or line breaks into quotes.",
    "unknown_columns": "Use the columns of one of the formats in the guide, or map the columns of the file.",
    "other_kind": "Keep rows of different kinds (chats, pairs, plain text, preferences ...) in files of their own.",
    "not_text": "Write the value as text.",
    "broken_text": "Remove the half characters (lone surrogates); save the file as UTF-8.",
    "empty_question": "Fill the question in, or delete the row.",
    "empty_answer": "Fill the answer in, or delete the row.",
    "empty_text": "Fill the text in, or delete the row.",
    "no_turns": "Give the chat at least one user turn and one assistant turn.",
    "not_a_turn": 'Write each turn as {"role": ..., "content": ...} or {"from": ..., "value": ...}.',
    "unknown_role": "Use the roles system, user, assistant and tool (or human and gpt), or map the role to one.",
    "no_answer": "Add an assistant turn with the answer to learn.",
    "starts_with_answer": "Begin with a user turn, before the first answer.",
    "late_system": "Put the system turn first.",
    "nothing_to_learn": "Switch at least one answer of the row on (train, weight, loss), or delete the row.",
    "not_text_part": "Rows with images, sound or files cannot be trained on yet; leave them out.",
    "not_a_call": 'Write a call as {"name": ..., "arguments": {...}}; arguments may be an object or its JSON text.',
    "not_tools": "Write the tools as a list of function schemas, or as the JSON text of one.",
    "stray_result": "Put the result of a tool after the assistant turn that calls it.",
    "no_question": "Let the prompt end with a user turn (or the result of a tool).",
    "no_prompt": "Put what was asked into a column `prompt`, or begin chosen and rejected with it.",
    "other_question": "Let chosen and rejected begin with the same turns and go on with an assistant turn.",
    "same_answers": "Give two different answers, or delete the row.",
    "no_ranks": "Give at least two answers, each with a text and a rank (or score), and not all of them the same one.",
    "not_a_label": "Write the label as true or false (or 1 and 0, yes and no).",
    "not_steps": "Give a list of steps (text) in `completions` and as many labels (true or false) in `labels`.",
}

# Each repair by its name: safe, made without asking, and counted.
REPAIRS = {
    "dropped_empty_turn": "a turn without text was left out",
    "merged_turns": "turns of the same role in a row became one, with a blank line between",
    "dropped_last_question": "user turns (or results of tools) at the end, which no answer follows, were left out",
    "greeting_is_context": "a chat begins with an assistant turn: it is shown to the model, and not learnt",
    "removed_nul": "NUL characters were removed",
    "number_as_text": "a number was written as text",
    "object_as_json": "the result of a tool was written as JSON text",
    "thoughts_in_answer": "reasoning was put before the answer, between <think> and </think>",
    "left_out_hidden_thoughts": "reasoning that is encrypted was left out",
    "weights_on_or_off": "a weight between 0 and 1, or above 1, counts as 1: an answer is learnt or it is not",
    "flag_of_no_answer": "a flag that asks to learn a user, system or tool turn was left out; answers are learnt",
    "left_out_tools": "`tools` is not a list of tools, and no turn calls one: it was kept as an extra column",
    "trailing_comma": "a comma after the last item of a list, an object or a row was left out",
    "left_out_comment": "a comment in the JSON was left out",
    "not_a_number": "NaN or Infinity, which JSON does not have, was read as no value",
    "byte_order_mark": "a byte order mark in front of the row was left out",
    "common_beginning": "the words chosen and rejected begin with became the prompt",
}


class Rejection(Exception):  # noqa: N818  (a verdict, not an error of the program)
    """Why a row is not taken. `value` is what broke the rule, cut to what fits on a screen."""

    def __init__(self, rule: str, value: Any = "") -> None:
        super().__init__(rule)
        self.rule = rule
        self.value = printable_value(value)
        self.fix = RULES[rule]


@dataclass(frozen=True)
class Mended:
    """A row that a reader had to repair before it could be read, with the repairs."""

    row: Any
    repairs: frozenset[str]


def _fits_any_row(_row: Row, _parts: Parts) -> bool:
    return True


@dataclass(frozen=True, eq=False)
class Format:
    """One way people write rows: which columns it has, and what a row becomes.

    A format is found by the names of the columns that have something in them: each part takes the first of its names
    that is there (upper case, blanks and dashes do not matter), no column serves two parts, and one of `needs` must be
    complete. `fits` then looks at the values, where names do not tell. `read` returns the columns of `kind` as plain
    Python (see `columnar.SCHEMAS`: turns as dicts without nulls, tools as a list), adds to the repairs it made, and
    raises Rejection.
    """

    name: str
    kind: Kind
    columns: str  # for people: which columns there are
    example: dict[str, Any]
    parts: Mapping[str, tuple[str, ...]]  # part -> the names its column may have, the usual one first
    needs: tuple[tuple[str, ...], ...]  # sets of parts, of which one must be there
    read: Callable[[Row, Parts, Repairs], Values]
    fits: Callable[[Row, Parts], bool] = _fits_any_row
    # For what one row cannot tell: whether the rows of a file, taken together, are in this format.
    by_file: Callable[[Sequence[Any]], bool] | None = None
    alone: bool = False  # a person said where the parts are: rows in other formats are not welcome


def printable_value(value: Any) -> str:
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
