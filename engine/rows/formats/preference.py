"""TRL's explicit preferences: prompt, chosen, rejected; texts or lists of turns."""

from engine.rows.kinds import preference, row_parts
from engine.rows.verdict import Format

# The names that go together stand at the same place.
CHOSEN = ("chosen", "response_j", "chosen_messages", "chosen_conversations", "chosen_conversation", "chosen_answer")
REJECTED = (
    *("rejected", "response_k", "rejected_messages", "rejected_conversations", "rejected_conversation"),
    "rejected_answer",
)
CHOSEN += ("preferred_output", "preferred", "preferred_response", "better_response")
REJECTED += ("non_preferred_output", "dispreferred", "dispreferred_response", "worse_response")
_OTHERS = ", ".join(f"`{better}` and `{worse}`" for better, worse in zip(CHOSEN[1:], REJECTED[1:], strict=True))

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
