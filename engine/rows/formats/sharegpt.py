"""ShareGPT: a list of turns with `from` (human, gpt, system, function_call, observation) and `value`."""

from engine.rows.formats import messages
from engine.rows.kinds import chat
from engine.rows.verdict import Format, Parts, Row


def _fits(row: Row, parts: Parts) -> bool:
    turn = messages.first_turn(row, parts)
    return isinstance(turn, dict) and "from" in turn


FORMAT = Format(
    name="sharegpt",
    kind="chat",
    columns="`conversations` (or any name a chat may have, see messages): a list of turns with `from` and `value`; "
    "beside it, if you like, `system` and `tools`",
    example={
        "conversations": [
            {"from": "human", "value": "Is it raining in Paris?"},
            {"from": "function_call", "value": '{"name": "weather", "arguments": {"city": "Paris"}}'},
            {"from": "observation", "value": '{"rain": false}'},
            {"from": "gpt", "value": "No."},
        ],
        "tools": '[{"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}]',
    },
    parts=messages.PARTS,
    needs=(("messages",),),
    read=chat.read,
    fits=_fits,
)
