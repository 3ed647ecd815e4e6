"""A prompt and its completion in two columns, under any of the usual names."""

from engine.rows.kinds import row_parts, texts
from engine.rows.verdict import Format

FORMAT = Format(
    name="prompt_completion",
    kind="completion",
    columns=f"one of {', '.join(f'`{name}`' for name in row_parts.PROMPTS)}, "
    f"and one of {', '.join(f'`{name}`' for name in row_parts.COMPLETIONS)}",
    example={"question": "What is the capital of France?", "answer": "Paris."},
    parts={"prompt": row_parts.PROMPTS, "completion": row_parts.COMPLETIONS},
    needs=(("prompt", "completion"),),
    read=texts.read_completion,
)
