"""TRL's explicit preferences: prompt, chosen, rejected; texts or lists of turns."""

from engine.rows.kinds import preference, row_parts
from engine.rows.verdict import Format

CHOSEN, REJECTED = ("chosen", "response_j"), ("rejected", "response_k")

FORMAT = Format(
    name="preference",
    kind="preference",
    columns=f"one of {', '.join(f'`{name}`' for name in row_parts.PROMPTS)}, and `chosen` and `rejected`: texts, or "
    "lists of turns; if you like `input`, `system`, `history`, `tools`",
    example={"prompt": "What is the capital of France?", "chosen": "Paris.", "rejected": "Lyon."},
    parts={
        "prompt": row_parts.PROMPTS,
        "input": row_parts.INPUTS,
        "chosen": CHOSEN,
        "rejected": REJECTED,
        **row_parts.BESIDE,
    },
    needs=(("prompt", "chosen", "rejected"),),
    read=preference.read,
)
