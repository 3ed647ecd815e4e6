"""Turns of a chat: from whatever people call the roles to system, user, assistant, in an order models can learn."""

from collections.abc import Iterable
from typing import Any

from engine.data import cells
from engine.data.verdict import Rejection, Repairs, Row

Turn = tuple[str, str]  # role, text

ROLES = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "bot", "model", "ai", "bing", "bard"), "assistant"),
    **dict.fromkeys(("tool", "function", "function_call", "tool_call", "observation"), "tool"),
    **dict.fromkeys(("function_response", "tool_response", "ipython"), "tool"),
}
CALLS = ("tool_calls", "function_call")
FLAGS = ("train", "weight", "loss", "loss_weight", "loss_scale")
PART_TEXT = ("text", "value", "content")


def chat(turns: Iterable[Turn], repairs: Repairs) -> dict[str, Any]:
    """The columns of a chat row from its turns, checked and repaired. Raises Rejection."""
    kept = _without_empty(turns, repairs)
    kept = _merged(kept, repairs)
    if kept and kept[-1][0] == "user" and len(kept) > 1:
        repairs.add("dropped_last_question")
        kept.pop()
    _check(kept)
    return {"messages": [{"role": role, "content": content} for role, content in kept]}


def _without_empty(turns: Iterable[Turn], repairs: Repairs) -> list[Turn]:
    every = list(turns)
    kept = [turn for turn in every if turn[1] and not turn[1].isspace()]
    if len(kept) < len(every):
        repairs.add("dropped_empty_turn")
    return kept


def _merged(turns: list[Turn], repairs: Repairs) -> list[Turn]:
    merged: list[Turn] = []
    run: list[str] = []  # the texts of one role in a row, joined once
    for position, (role, content) in enumerate(turns):
        run.append(content)
        if position + 1 == len(turns) or turns[position + 1][0] != role:
            if len(run) > 1:
                repairs.add("merged_turns")
            merged.append((role, "\n\n".join(run)))
            run = []
    return merged


def _check(turns: list[Turn]) -> None:
    roles = [role for role, _ in turns]
    if not roles:
        raise Rejection("no_turns")
    if "system" in roles[1:]:
        raise Rejection("late_system", roles)
    if "assistant" not in roles:
        raise Rejection("no_answer", roles)
    if roles[roles[0] == "system"] == "assistant":
        raise Rejection("starts_with_answer", roles)


def role(name: Any) -> str:
    """Our word for a role. Raises Rejection for roles nobody knows, and for tools."""
    known = ROLES.get(name.strip().lower()) if isinstance(name, str) else None
    if known is None:
        raise Rejection("unknown_role", name)
    if known == "tool":
        raise Rejection("tool_calls", name)
    return known


def check_flags(turn: Row, who: str) -> None:
    """Refuses a turn that calls a tool, and an answer that says it is not to be learned."""
    for key in CALLS:
        if turn.get(key):
            raise Rejection("tool_calls", turn[key])
    if who == "assistant":
        for flag in FLAGS:
            if flag in turn and turn[flag] in (0, False, "false", "False", "0"):
                raise Rejection("untrained_turn", {flag: turn[flag]})


def content(value: Any, repairs: Repairs) -> str:
    """The text of a turn, which may be written as a list of text parts. Parts are joined by a line break."""
    if isinstance(value, list):
        return "\n".join(_part(part, repairs) for part in value)
    return cells.text(value, repairs, "content")


def _part(part: Any, repairs: Repairs) -> str:
    if isinstance(part, str):
        return cells.text(part, repairs)
    if not isinstance(part, dict) or part.get("type", "text") != "text":
        raise Rejection("not_text_part", part)
    key = cells.first(part, PART_TEXT)
    if key is None:
        raise Rejection("not_text_part", part)
    return cells.text(part[key], repairs, key)


def beside(row: Row, repairs: Repairs) -> list[Turn]:
    """What stands in a row beside its chat: a system text first; a list of tools nobody calls is left out."""
    if cells.opened(row.get("tools")) not in (None, "", [], {}):
        repairs.add("left_out_tools")
    column = cells.first(row, ("system", "system_prompt"))
    said = cells.text(row[column], repairs, column) if column else ""
    return [("system", said)] if said.strip() else []
