"""LLaMA-Factory's preferences: a chat that ends with a question, and two answers beside it."""

from engine.rows.formats.preference import CHOSEN, REJECTED
from engine.rows.kinds import preference, row_parts
from engine.rows.verdict import Format

FORMAT = Format(
    name="preference_chat",
    kind="preference",
    columns="`conversations` (or any name a chat may have), and `chosen` and `rejected`: one turn each, or text",
    example={
        "conversations": [{"from": "human", "value": "What is the capital of France?"}],
        "chosen": {"from": "gpt", "value": "Paris."},
        "rejected": {"from": "gpt", "value": "Lyon."},
    },
    parts={"messages": row_parts.CHATS, "chosen": CHOSEN, "rejected": REJECTED, **row_parts.BESIDE},
    needs=(("messages", "chosen", "rejected"),),
    read=preference.read,
)
