"""Chats written as one text, the way Anthropic's HH and Nectar are: `\\n\\nHuman: ...\\n\\nAssistant: ...`."""

import re

from engine.rows.turns.turns import Turn

_MARK = re.compile(r"(?:^|\n\n)(Human|Assistant): ?")


def turns(text: str) -> list[Turn] | None:
    """The turns of a transcript; None for any other text. An assistant's mark at the very end is no turn."""
    if not text.lstrip("\n").startswith("Human:"):
        return None
    pieces = _MARK.split("\n\n" + text.strip())
    found = [
        {"role": "user" if who == "Human" else "assistant", "content": said.strip()}
        for who, said in zip(pieces[1::2], pieces[2::2], strict=True)
    ]
    if found and found[-1] == {"role": "assistant", "content": ""}:
        found.pop()
    return found if any(turn["role"] == "user" for turn in found) else None
