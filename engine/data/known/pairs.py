"""A prompt and its completion in two columns, under any of the usual names."""

from engine.data import parts
from engine.data.kinds import texts
from engine.data.verdict import Format

FORMAT = Format(
    name="prompt_completion",
    kind="completion",
    columns=f"one of {', '.join(f'`{name}`' for name in parts.PROMPTS)}, "
    f"and one of {', '.join(f'`{name}`' for name in parts.COMPLETIONS)}",
    example={"question": "What is the capital of France?", "answer": "Paris."},
    parts={"prompt": parts.PROMPTS, "completion": parts.COMPLETIONS},
    needs=(("prompt", "completion"),),
    read=texts.read_completion,
)
