"""A prompt and its completion in two columns, under any of the usual names."""

from typing import Any

from engine.data import cells
from engine.data.verdict import Format, Rejection, Repairs, Row

PROMPTS = ("prompt", "query", "question", "instruction", "input", "problem")
COMPLETIONS = ("completion", "response", "answer", "output", "solution", "target")


def columns_of(row: Row) -> tuple[str, str] | None:
    """The names of the two columns, or None when the row has no such pair."""
    prompt, completion = cells.first(row, PROMPTS), cells.first(row, COMPLETIONS)
    return (prompt, completion) if prompt and completion else None


def _fits(row: Row) -> bool:
    return columns_of(row) is not None


def _read(row: Row, repairs: Repairs) -> dict[str, Any]:
    found = columns_of(row)
    if found is None:
        raise Rejection("unknown_columns", list(row))
    prompt, completion = (cells.text(row[column], repairs, column) for column in found)
    if not prompt.strip():
        raise Rejection("empty_question", {found[0]: prompt})
    if not completion.strip():
        raise Rejection("empty_answer", {found[1]: completion})
    return {"prompt": prompt, "completion": completion}


FORMAT = Format(
    name="prompt_completion",
    kind="completion",
    columns=f"one of {', '.join(f'`{name}`' for name in PROMPTS)}, "
    f"and one of {', '.join(f'`{name}`' for name in COMPLETIONS)}",
    example={"question": "What is the capital of France?", "answer": "Paris."},
    fits=_fits,
    read=_read,
)
