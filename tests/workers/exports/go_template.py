"""Just enough of Go's templates to read a Modelfile as Ollama does: `if`, `else if`, `range`, `eq`, fields."""

import re
from collections.abc import Mapping, Sequence

ACTION = re.compile(r"\{\{ (.+?) \}\}")


def render(template: str, messages: Sequence[Mapping[str, str]]) -> str:
    """What the template makes of a chat."""
    pieces = ACTION.split(template)  # text, action, text, action ... text
    system = "\n".join(message["content"] for message in messages if message["role"] == "system")
    begin, loop, end = _sections(pieces)
    said = "".join(_turn(loop, message) for message in messages)
    return (begin if not system else "") + said + end


def _sections(pieces: list[str]) -> tuple[str, list[str], str]:
    """What stands before the first turn without a system message, the loop's pieces, and what follows it."""
    start = pieces.index("range .Messages")
    assert pieces[-2] == pieces[-4] == "end"  # of the branches, and of the loop
    begin = ""
    if start > 1:
        assert pieces[:2] == ["", "if not .System"]
        assert pieces[3:5] == ["end", ""]
        begin = pieces[2]
    return begin, pieces[start + 1 : -3], pieces[-1]


def _turn(loop: list[str], message: Mapping[str, str]) -> str:
    taken = False
    text = ""
    for kind, piece in zip(("text", "action") * len(loop), loop, strict=False):
        if kind == "action" and (role := re.fullmatch(r'(?:else )?if eq \.Role "(\w+)"', piece)):
            taken = role[1] == message["role"]
        elif taken and piece == ".Content":
            text += message["content"]
        elif taken and kind == "text":
            text += piece
    return text
