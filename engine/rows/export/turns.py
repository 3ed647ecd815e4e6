"""Turns as others write them: OpenAI's, TRL's, ShareGPT's."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

Turn = dict[str, Any]

SHAREGPT = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}


def openai(turns: Sequence[Turn]) -> list[Turn]:
    """Arguments as JSON text; an answer that is context only has the weight 0."""
    return [_openai(turn) for turn in turns]


def _openai(turn: Turn) -> Turn:
    openai_turn = {key: value for key, value in turn.items() if key not in ("train", "tool_calls")}
    if "tool_calls" in turn:
        openai_turn["content"] = turn["content"] or None
        openai_turn["tool_calls"] = [_called(call) for call in turn["tool_calls"]]
    return _weighed(openai_turn, turn)


def _called(call: dict[str, Any]) -> dict[str, Any]:
    function = {**call["function"], "arguments": orjson.dumps(call["function"]["arguments"]).decode()}
    return {**call, "function": function}


def _weighed(exported_turn: Turn, turn: Turn) -> Turn:
    return {**exported_turn, "weight": 0} if turn.get("train") is False else exported_turn


def sharegpt(turns: Sequence[Turn]) -> list[Turn]:
    """Calls become turns of their own, as JSON; ids and names have no place."""
    return [exported_turn for turn in turns for exported_turn in _sharegpt(turn)]


def _sharegpt(turn: Turn) -> Iterator[Turn]:
    calls = [
        {"name": call["function"]["name"], "arguments": call["function"]["arguments"]}
        for call in turn.get("tool_calls", [])
    ]
    if turn["content"] or not calls:
        yield _weighed({"from": SHAREGPT[turn["role"]], "value": turn["content"]}, turn)
    if calls:
        value = orjson.dumps(calls[0] if len(calls) == 1 else calls).decode()
        yield _weighed({"from": "function_call", "value": value}, turn)


def alpaca(turns: Sequence[Turn]) -> dict[str, Any] | None:
    """A chat as instruction, output, system and history; None for one that does not fit."""
    exchange_turns = list(turns)
    system = exchange_turns.pop(0)["content"] if exchange_turns and exchange_turns[0]["role"] == "system" else ""
    roles = [turn["role"] for turn in exchange_turns]
    bare = all(set(turn) <= {"role", "content"} for turn in turns)
    if not bare or not roles or roles != ["user", "assistant"] * (len(roles) // 2):
        return None
    texts = [turn["content"] for turn in exchange_turns]
    pairs = [list(pair) for pair in zip(texts[::2], texts[1::2], strict=True)]
    instruction, output = pairs.pop()
    row = {"instruction": instruction, "input": "", "output": output}
    return row | ({"system": system} if system else {}) | ({"history": pairs} if pairs else {})
