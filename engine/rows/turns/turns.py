"""Turns of a chat, from whatever people write to {role, content, tool_calls?, tool_call_id?, name?, train?}."""

from typing import Any

from engine.rows.turns import cells, content_parts, tools
from engine.rows.turns.role_names import USUAL, Words
from engine.rows.verdict import Rejection, Repairs

Turn = dict[str, Any]

FLAGS = ("train", "weight", "loss", "loss_weight", "loss_scale")
THOUGHTS = ("reasoning_content", "reasoning", "thinking")
ASKED, ANSWERED = ("human", "user"), ("assistant", "gpt")
_OFF = (0, False, "false", "0", "0.0", "no")


def opened(value: Any, words: Words = USUAL) -> Any:
    """The list of turns in a value, which may be its JSON text or one turn alone; None for what looks like no turns."""
    chat = cells.opened(value)
    if isinstance(chat, dict):  # {"messages": [...]}, or one turn
        chat = chat["messages"] if isinstance(chat.get("messages"), list) else [chat]
    return chat if isinstance(chat, list) and chat and _looks_like_turn(chat[0], words) else None


def _looks_like_turn(item: Any, words: Words) -> bool:
    return isinstance(item, dict) and (cells.first(item, words.who) is not None or is_exchange(item))


def is_exchange(item: Any) -> bool:
    """A question and its answer in one object: {human, assistant}."""
    return isinstance(item, dict) and cells.first(item, ASKED) is not None and cells.first(item, ANSWERED) is not None


def listed(chat: Any, repairs: Repairs, words: Words = USUAL) -> list[Turn]:
    """Every turn of a chat as it stands, unchecked. Raises Rejection."""
    chat = cells.opened(chat)
    if not chat:
        return []
    if not isinstance(chat, list):
        raise Rejection("not_a_turn", chat)
    return [turn for item in chat for turn in _turns(item, repairs, words)]


def _turns(item: Any, repairs: Repairs, words: Words) -> list[Turn]:
    """The turns in one item; results of tools come before what the same item says."""
    role_key = cells.first(item, words.who) if isinstance(item, dict) else None
    if role_key is None:
        return _exchange(item, repairs)
    role, value = words.role(item[role_key]), item.get(cells.first(item, words.what))
    if role == "call":
        return [_flagged({"role": "assistant", "content": "", "tool_calls": _calls_of(value)}, item, repairs)]
    if role == "tool" and not content_parts.is_parts(value):
        value = tools.as_text(value, repairs)
    content = content_parts.content(value, repairs)
    turn: Turn = {"role": role, "content": content.text}
    if role == "assistant":
        _add_answer(turn, item, content, repairs)
    elif content.calls:
        raise Rejection("not_a_call", content.calls)
    elif role == "tool":
        _add_call_id(turn, item, repairs)
    name = item.get("name")
    if isinstance(name, str) and name.strip():
        turn["name"] = cells.text(name, repairs)
    own_turns = [] if content.results and not content.text.strip() else [_flagged(turn, item, repairs)]
    return content.results + own_turns


def _exchange(item: Any, repairs: Repairs) -> list[Turn]:
    if not is_exchange(item):
        raise Rejection("not_a_turn", item)
    pairs = (("user", ASKED), ("assistant", ANSWERED))
    return [
        {"role": role, "content": content_parts.content(_first_of(item, keys), repairs).text} for role, keys in pairs
    ]


def _first_of(item: Any, keys: tuple[str, ...]) -> Any:
    return item[cells.first(item, keys)]


def _calls_of(value: Any) -> list[dict[str, Any]]:
    calls = tools.calls(value)
    if not calls:
        raise Rejection("not_a_call", value)
    return calls


def _add_answer(turn: Turn, item: Turn, content: content_parts.Content, repairs: Repairs) -> None:
    calls = tools.calls(item.get("tool_calls")) + tools.calls(item.get("function_call")) + content.calls
    if calls:
        turn["tool_calls"] = calls
        turn["content"] = turn["content"] if turn["content"].strip() else ""
    thoughts_field = next((item[key] for key in THOUGHTS if isinstance(item.get(key), str)), None)
    thoughts = "\n".join(content.thoughts) or cells.text(thoughts_field, repairs, "reasoning_content")
    if thoughts.strip():
        repairs.add("thoughts_in_answer")
        turn["content"] = f"<think>\n{thoughts}\n</think>\n\n{turn['content']}"


def _add_call_id(turn: Turn, item: Turn, repairs: Repairs) -> None:
    call_id = item.get("tool_call_id")
    if isinstance(call_id, str) and call_id:
        turn["tool_call_id"] = cells.text(call_id, repairs)


def _flagged(turn: Turn, item: Turn, repairs: Repairs) -> Turn:
    """The turn with `train: False` when a flag switches its answer off. Any other weight counts as 1."""
    weights = [weight for flag in FLAGS if (weight := item.get(flag)) is not None]
    if not weights:
        return turn
    off = any(_is_off(weight) for weight in weights)
    if turn["role"] != "assistant":
        if not off:
            repairs.add("flag_of_no_answer")
    elif off:
        turn["train"] = False
    elif any(isinstance(weight, (int, float)) and weight != 1 for weight in weights):
        repairs.add("weights_on_or_off")
    return turn


def _is_off(weight: Any) -> bool:
    return (weight.strip().lower() if isinstance(weight, str) else weight) in _OFF
