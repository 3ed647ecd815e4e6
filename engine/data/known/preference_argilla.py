"""Argilla's preferences: instruction, chosen_response, rejected_response."""

from engine.data import parts
from engine.data.kinds import preference
from engine.data.verdict import Format

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
        "prompt": parts.PROMPTS,
        "input": parts.INPUTS,
        "chosen": ("chosen_response",),
        "rejected": ("rejected_response",),
        **parts.BESIDE,
    },
    needs=(("prompt", "chosen", "rejected"),),
    read=preference.read,
)
