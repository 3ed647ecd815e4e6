"""Special tokens inside texts: what chat templates write between turns, left over from an earlier rendering."""

import re

import numpy as np
import pyarrow.compute as pc

from engine.rows.health.batch import Batch, Mask
from engine.rows.health.check import Check, RowFinder, Span

MOST_PASSES = 20
PATTERN = "|".join(
    (
        r"<\|[A-Za-z0-9_]{1,40}\|>",  # <|im_end|>, <|endoftext|>, <|eot_id|>, <|user|> ...
        r"<\x{FF5C}[^<>\s]{1,40}\x{FF5C}>",  # DeepSeek's, with full-width bars
        r"</?s>",
        r"\[/?INST\]",
        r"<</?SYS>>",
        r"</?(?:bos|eos|pad|unk)>",
        r"<(?:start|end)_of_turn>",
        r"\[/?(?:AVAILABLE_TOOLS|TOOL_RESULTS|TOOL_CALLS|SYSTEM_PROMPT)\]",
    )
)
_IN_PYTHON = re.compile(PATTERN.replace(r"\x{FF5C}", "\uff5c"))


def tokens_inside(batch: Batch) -> Mask:
    """Rows with a special token in any text, system turns and rejected answers included."""
    matches = pc.match_substring_regex(batch.text, pattern=PATTERN)
    return np.asarray(matches.to_numpy(zero_copy_only=False), dtype=np.bool_)


def spans(text: str) -> list[Span]:
    """Where the tokens stand."""
    return [Span(*match.span(), "special token") for match in _IN_PYTHON.finditer(text)]


def strip(text: str) -> str:
    """The text without them. Repeated, as taking one out may put another together."""
    for _ in range(MOST_PASSES):
        if not _IN_PYTHON.search(text):
            return text
        text = _IN_PYTHON.sub("", text)
    return _IN_PYTHON.sub(" ", text)  # written to go on for ever: a space puts nothing together


CHECK = Check(
    name="special_tokens",
    title="Special tokens in texts",
    means="Signs such as <|im_end|> or </s> inside a text are read as real turn ends: the model stops in the middle, "
    "or answers for the user. They are left over from data that was rendered before.",
    weight=10,
    fix="strip",
    fix_label="Take them out",
    begin=lambda _: RowFinder(tokens_inside),
    spans=spans,
)
