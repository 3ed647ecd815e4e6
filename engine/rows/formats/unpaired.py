"""KTO's labelled answers: a chat, or a prompt and its completion, with a label that says good or bad."""

from engine.rows.kinds import row_parts, unpaired
from engine.rows.turns import cells
from engine.rows.verdict import Format, Parts, Row


def says_yes_or_no(row: Row, parts: Parts) -> bool:
    """Whether the label of a row is one; a class such as `sports` is none."""
    return cells.yes_or_no(row[parts["label"]]) is not None


FORMAT = Format(
    name="unpaired",
    kind="unpaired",
    columns="`messages` (or any name a chat may have), or a prompt and its completion, and `label` or `kto_tag`: true "
    'or false, "true" or "false", 1 or 0, yes or no',
    example={
        "messages": [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "5"}],
        "label": False,
    },
    parts={
        "messages": row_parts.CHATS,
        "prompt": row_parts.PROMPTS,
        "input": row_parts.INPUTS,
        "completion": row_parts.ANSWERS,
        "label": row_parts.LABELS,
        **row_parts.BESIDE,
    },
    needs=(("messages", "label"), ("prompt", "completion", "label")),
    read=unpaired.read,
    fits=says_yes_or_no,
)
