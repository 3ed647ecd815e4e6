"""TRL's conversational prompt and completion: turns that are context only, and turns to learn."""

from engine.rows.kinds import chat, row_parts
from engine.rows.turns import turns
from engine.rows.verdict import Format, Parts, Row


def _fits(row: Row, parts: Parts) -> bool:
    return any(turns.opened(row[parts[part]]) is not None for part in ("prompt", "completion"))


FORMAT = Format(
    name="prompt_completion_turns",
    kind="chat",
    columns="`prompt` and `completion` (or their other names), at least one a list of turns; answers in the "
    "prompt are context only; beside them, if you like, `system` and `tools`",
    example={
        "prompt": [{"role": "user", "content": "What is the capital of France?"}],
        "completion": [{"role": "assistant", "content": "Paris."}],
    },
    parts={"prompt": row_parts.PROMPTS, "completion": row_parts.ANSWERS, **row_parts.BESIDE},
    needs=(("prompt", "completion"),),
    read=chat.read,
    fits=_fits,
)
