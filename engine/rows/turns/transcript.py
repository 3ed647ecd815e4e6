"""Chats written as one text, the way Anthropic's HH and Nectar are: `\\n\\nHuman: ...\\n\\nAssistant: ...`."""

import re

from engine.rows.turns.turns import Turn

_MARK = re.compile(r"(?:^|\n\n)(Human|Assistant): ?")


def turns(text: str) -> list[Turn] | None:
    """The turns of a transcript; None for any other text. An assistant's mark at the very end is no turn."""
    if not text.lstrip("\n").startswith("Human:"):
        return None
    pieces = _MARK.split("\n\n" + text.strip())
    chat_turns = [
        {"role": "user" if speaker == "Human" else "assistant", "content": text.strip()}
        for speaker, text in zip(pieces[1::2], pieces[2::2], strict=True)
    ]
    if chat_turns and chat_turns[-1] == {"role": "assistant", "content": ""}:
        chat_turns.pop()
    return chat_turns if any(turn["role"] == "user" for turn in chat_turns) else None
