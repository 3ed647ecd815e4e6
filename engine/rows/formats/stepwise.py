"""Answers in steps, each labelled right or wrong: TRL's stepwise supervision."""

from engine.rows.kinds import row_parts, texts
from engine.rows.verdict import Format

FORMAT = Format(
    name="stepwise",
    kind="stepwise",
    columns="`prompt`, `completions` (a list of steps) and `labels` (true or false for each)",
    example={
        "prompt": "What is 2 + 2 * 3?",
        "completions": ["2 * 3 is 6.", "So it is 9."],
        "labels": [True, False],
    },
    parts={"prompt": row_parts.PROMPTS, "completions": ("completions", "steps"), "labels": ("labels",)},
    needs=(("prompt", "completions", "labels"),),
    read=texts.read_steps,
)
