"""A prompt and its completion in two columns, under any of the usual names."""

from engine.rows.kinds import row_parts, texts
from engine.rows.turns.role_names import plain_name
from engine.rows.verdict import Format, Parts, Row

_ANY_TEXT = ("text", "content")
FEW_WORDS = 4  # names have fewer


def _fits(row: Row, parts: Parts) -> bool:
    """Who wrote a text (`user`, beside `text`) asks no question, and neither does an id."""
    if plain_name(parts["prompt"]) not in row_parts.SENDERS:
        return True
    value = row[parts["prompt"]]
    if plain_name(parts["completion"]) in _ANY_TEXT:
        return isinstance(value, str) and ("?" in value or len(value.split()) >= FEW_WORDS)
    return not row_parts.is_id(value)


FORMAT = Format(
    name="prompt_completion",
    kind="completion",
    columns=f"one of {', '.join(f'`{name}`' for name in row_parts.PROMPTS)}, "
    f"and one of {', '.join(f'`{name}`' for name in row_parts.COMPLETIONS)}",
    example={"question": "What is the capital of France?", "answer": "Paris."},
    parts={"prompt": row_parts.PROMPTS, "completion": row_parts.COMPLETIONS},
    needs=(("prompt", "completion"),),
    read=texts.read_completion,
    fits=_fits,
)
