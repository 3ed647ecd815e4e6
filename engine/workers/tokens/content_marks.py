"""Where the words of each turn stand in a rendered chat, known from marks that were rendered with them.

Words are never searched for: an answer of one letter stands in the question too. Every turn's words are rendered
between two marks that no text has; without the marks the text must be what the template writes without them. A
template that looks at the words it writes may fail that, and then nothing is said about its chats.
"""

import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

Message = dict[str, Any]  # role and content; tool_calls; train: false for an answer that is context only
Render = Callable[[Sequence[Message], bool], str]  # (messages, with the prompt for an answer) -> text

FIRST_MARK = 0xF0000  # the first private plane of Unicode
MARK = re.compile("[\U000f0000-\U000ffffd]")
MARKS_A_TURN = 3
THOUGHT_BEGINS, THOUGHT_ENDS = "<think>", "</think>"


@dataclass(frozen=True)
class Place:
    """The words of a turn in the rendered chat, in characters, without space around them."""

    start: int
    end: int


def places(render: Render, messages: Sequence[Message], text: str) -> dict[int, Place]:
    """The places of turns by their number, as far as the template shows them; empty where it is not certain.

    `text` is the chat rendered without marks. Some templates look into what users and tools say (Qwen3 asks whether it
    is a tool's answer), so the second try marks the assistant's turns alone.
    """
    for roles in ({"user", "system", "assistant", "tool"}, {"assistant"}):
        if (marked := _places(render, messages, text, roles)) is not None:
            return marked
    return {}


def _places(render: Render, messages: Sequence[Message], text: str, roles: Container[str]) -> dict[int, Place] | None:
    if MARK.search(text):
        return None  # a stranger's rows may hold anything
    marked = [
        _with_marks(message, index) if message["role"] in roles else message for index, message in enumerate(messages)
    ]
    try:
        plain, positions = _without_marks(render(marked, False))
    except (TemplateError, LookupError):
        return None
    if plain != text or positions is None:
        return None
    turns = {index: _place(positions, index) for index in range(len(messages))}
    return {index: place for index, place in turns.items() if place}


def _with_marks(message: Message, index: int) -> Message:
    """The turn with a mark before its words, one behind them, and one where the answer begins behind a thought."""
    content = message.get("content")
    if not isinstance(content, str) or not content.strip():
        return message
    before, after_thought, behind = (chr(FIRST_MARK + index * MARKS_A_TURN + number) for number in range(MARKS_A_TURN))
    head, words = _split_space(content)
    if words.startswith(THOUGHT_BEGINS):  # templates look for the tag itself
        space, words = _split_space(words.removeprefix(THOUGHT_BEGINS))
        head += THOUGHT_BEGINS + space
    tail = words[len(words.rstrip()) :]
    words = words.rstrip()
    thought, tag, answer = words.rpartition(THOUGHT_ENDS)
    if tag and answer.strip():
        space, answer = _split_space(answer)
        words = f"{thought}{tag}{space}{after_thought}{answer}"
    return {**message, "content": f"{head}{before}{words}{behind}{tail}"}


def _split_space(text: str) -> tuple[str, str]:
    stripped = text.lstrip()
    return text[: len(text) - len(stripped)], stripped


def _without_marks(marked: str) -> tuple[str, dict[int, int] | None]:
    """The text, and where each mark stood in it; None where a template wrote one twice."""
    positions: dict[int, int] = {}
    for number, match in enumerate(MARK.finditer(marked)):
        turn_mark = ord(match[0]) - FIRST_MARK
        if turn_mark in positions:
            return "", None
        positions[turn_mark] = match.start() - number
    return MARK.sub("", marked), positions


def _place(positions: Mapping[int, int], index: int) -> Place | None:
    """Where a template leaves a thought out, the words begin behind it."""
    before, after_thought, behind = (positions.get(index * MARKS_A_TURN + number) for number in range(MARKS_A_TURN))
    start = after_thought if before is None else before
    return Place(start, behind) if start is not None and behind is not None else None
