"""TRL's explicit preferences: prompt, chosen, rejected; texts or lists of turns."""

from engine.rows.kinds import preference, row_parts
from engine.rows.verdict import Format

# Names of the better and the worse answer that go together.
PAIRS = (
    ("chosen", "rejected"),
    ("response_j", "response_k"),
    ("chosen_messages", "rejected_messages"),
    ("chosen_conversations", "rejected_conversations"),
    ("chosen_conversation", "rejected_conversation"),
    ("chosen_answer", "rejected_answer"),
    ("preferred_output", "non_preferred_output"),
    ("preferred", "dispreferred"),
    ("preferred_response", "dispreferred_response"),
    ("better_response", "worse_response"),
)
CHOSEN, REJECTED = tuple(better for better, _ in PAIRS), tuple(worse for _, worse in PAIRS)
_OTHERS = ", ".join(f"`{better}` and `{worse}`" for better, worse in PAIRS[1:])

FORMAT = Format(
    name="preference",
    kind="preference",
    columns=f"one of {', '.join(f'`{name}`' for name in row_parts.PROMPTS)}, and `chosen` and `rejected` (or "
    f"{_OTHERS}): texts, or lists of turns; if you like `input`, `system`, `history`, `tools`",
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
