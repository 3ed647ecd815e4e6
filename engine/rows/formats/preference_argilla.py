"""Argilla's preferences: instruction, chosen_response, rejected_response."""

from engine.rows.kinds import preference, row_parts
from engine.rows.verdict import Format

FORMAT = Format(
    name="preference_argilla",
    kind="preference",
    columns="`instruction` (or another name of a prompt), `chosen_response` and `rejected_response`",
    example={
        "instruction": "What is the capital of France?",
        "chosen_response": "Paris.",
        "rejected_response": "Lyon.",
    },
    parts={
        "prompt": row_parts.PROMPTS,
        "input": row_parts.INPUTS,
        "chosen": ("chosen_response",),
        "rejected": ("rejected_response",),
        **row_parts.BESIDE,
    },
    needs=(("prompt", "chosen", "rejected"),),
    read=preference.read,
)
