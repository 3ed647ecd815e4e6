"""Swift's preferences: a whole chat, or a question and its answer, and a worse answer beside it."""

from engine.data import parts
from engine.data.kinds import preference
from engine.data.verdict import Format

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
        "messages": parts.CHATS,
        "prompt": parts.PROMPTS,
        "input": parts.INPUTS,
        "completion": parts.ANSWERS,
        "rejected": ("rejected_response", "rejected_messages"),
        **parts.BESIDE,
    },
    needs=(("messages", "rejected"), ("prompt", "completion", "rejected")),
    read=preference.read,
)
