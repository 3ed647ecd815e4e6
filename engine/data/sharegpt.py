"""ShareGPT: a list of turns with `from` (human, gpt, system) and `value`."""

from engine.data import messages
from engine.data.verdict import Format, Row


def _fits(row: Row) -> bool:
    found = messages.turns_of(row)
    return isinstance(found, list) and bool(found) and isinstance(found[0], dict) and "from" in found[0]


FORMAT = Format(
    name="sharegpt",
    kind="chat",
    columns="`conversations` (or any name a chat may have, see messages): a list of turns with `from` and `value`; "
    "beside it, if you like, `system`",
    example={
        "conversations": [
            {"from": "human", "value": "What is the capital of France?"},
            {"from": "gpt", "value": "Paris."},
        ]
    },
    fits=_fits,
    read=messages.read,
)
