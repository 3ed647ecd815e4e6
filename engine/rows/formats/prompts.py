"""Prompts alone, for training with rewards: a question without an answer; the other columns go to the rewards."""

from engine.rows.kinds import prompt, row_parts
from engine.rows.turns.role_names import plain_name
from engine.rows.verdict import Format, Parts, Row


def _fits(row: Row, parts: Parts) -> bool:
    """A column of answers that is empty is no missing column: there the answer is missing. And an id asks nothing."""
    if plain_name(parts["prompt"]) in row_parts.SENDERS and row_parts.is_id(row[parts["prompt"]]):
        return False
    return not any(plain_name(name) in row_parts.COMPLETIONS and value is not None for name, value in row.items())


FORMAT = Format(
    name="prompt",
    kind="prompt",
    columns=f"one of {', '.join(f'`{name}`' for name in row_parts.PROMPTS)}, text or a list of turns, and no answer; "
    "other columns are kept for the rewards",
    example={"prompt": "What is 2 + 2?", "ground_truth": "4"},
    parts={"prompt": row_parts.PROMPTS, "input": row_parts.INPUTS, **row_parts.BESIDE},
    needs=(("prompt",),),
    read=prompt.read,
    fits=_fits,
)
