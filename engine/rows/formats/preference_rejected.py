"""Swift's preferences: a whole chat, or a question and its answer, and a worse answer beside it."""

from engine.rows.kinds import preference, row_parts
from engine.rows.verdict import Format

FORMAT = Format(
    name="preference_rejected",
    kind="preference",
    columns="`messages` (or any name a chat may have), or a prompt and its completion, and `rejected_response` (text) "
    "or `rejected_messages` (turns)",
    example={
        "messages": [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}],
        "rejected_response": "5",
    },
    parts={
        "messages": row_parts.CHATS,
        "prompt": row_parts.PROMPTS,
        "input": row_parts.INPUTS,
        "completion": row_parts.ANSWERS,
        "rejected": ("rejected_response", "rejected_messages"),
        **row_parts.BESIDE,
    },
    needs=(("messages", "rejected"), ("prompt", "completion", "rejected")),
    read=preference.read,
)
