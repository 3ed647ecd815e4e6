"""TRL's explicit preferences: prompt, chosen, rejected; texts or lists of turns."""

from engine.data import parts
from engine.data.kinds import preference
from engine.data.verdict import Format

CHOSEN, REJECTED = ("chosen", "response_j"), ("rejected", "response_k")

FORMAT = Format(
    name="preference",
    kind="preference",
    columns=f"one of {', '.join(f'`{name}`' for name in parts.PROMPTS)}, and `chosen` and `rejected`: texts, or lists "
    "of turns; if you like `input`, `system`, `history`, `tools`",
    example={"prompt": "What is the capital of France?", "chosen": "Paris.", "rejected": "Lyon."},
    parts={"prompt": parts.PROMPTS, "input": parts.INPUTS, "chosen": CHOSEN, "rejected": REJECTED, **parts.BESIDE},
    needs=(("prompt", "chosen", "rejected"),),
    read=preference.read,
)
