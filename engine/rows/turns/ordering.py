"""The order turns can be learnt in: empty turns out, runs of one role joined, a question before each answer."""

from collections.abc import Sequence

from engine.rows.turns.turns import Turn
from engine.rows.verdict import Rejection, Repairs

_WAITING = ("user", "tool")  # roles that wait for an answer


def chat(turns: Sequence[Turn], repairs: Repairs) -> list[Turn]:
    """The turns of a whole chat, which ends with an answer. Raises Rejection."""
    kept = _tidied(turns, repairs)
    answers = sum(turn["role"] == "assistant" for turn in kept)
    while answers and kept[-1]["role"] in _WAITING:
        repairs.add("dropped_last_question")
        kept.pop()
    _check(kept)
    if not answers:
        raise Rejection("no_answer", _roles(kept))
    _mark_greeting(kept, repairs)
    if not any(turn["role"] == "assistant" and turn.get("train", True) for turn in kept):
        raise Rejection("nothing_to_learn", _roles(kept))
    return kept


def question(turns: Sequence[Turn], repairs: Repairs) -> list[Turn]:
    """The turns before an answer. They are context, whatever their flags say. Raises Rejection."""
    kept = [{key: value for key, value in turn.items() if key != "train"} for turn in _tidied(turns, repairs)]
    _check(kept)
    if kept[-1]["role"] not in _WAITING:
        raise Rejection("no_question", _roles(kept))
    return kept


def answer(turns: Sequence[Turn], repairs: Repairs) -> list[Turn]:
    """The turns of an answer: from an assistant turn to an assistant turn. Raises Rejection."""
    kept = _tidied(turns, repairs)
    if not kept:
        raise Rejection("empty_answer")
    if kept[0]["role"] != "assistant" or kept[-1]["role"] != "assistant":
        raise Rejection("other_question", _roles(kept))
    return [{key: value for key, value in turn.items() if key != "train"} for turn in kept]


def split_last_answer(turns: Sequence[Turn]) -> tuple[list[Turn], list[Turn]]:
    """A chat as what comes before its last answer, and that answer."""
    end = max((position for position, turn in enumerate(turns) if turn["role"] != "assistant"), default=-1) + 1
    return list(turns[:end]), list(turns[end:])


def _tidied(turns: Sequence[Turn], repairs: Repairs) -> list[Turn]:
    kept = [turn for turn in turns if _says_something(turn)]
    if len(kept) < len(turns):
        repairs.add("dropped_empty_turn")
    return _joined(kept, repairs)


def _says_something(turn: Turn) -> bool:
    content = turn["content"]
    return bool(content and not content.isspace()) or "tool_calls" in turn or turn["role"] == "tool"


def _joined(turns: list[Turn], repairs: Repairs) -> list[Turn]:
    """Turns of one role in a row as one. Calls after a text belong to it: that is how ShareGPT writes them."""
    joined: list[Turn] = []
    texts: list[str] = []  # of the last turn, joined once
    for turn in turns:
        if not joined or not _continues(joined[-1], turn):
            joined.append({key: list(value) if key == "tool_calls" else value for key, value in turn.items()})
            texts = [turn["content"]] if turn["content"] else []
            continue
        if turn["content"]:
            texts.append(turn["content"])
        if "tool_calls" in turn:
            joined[-1].setdefault("tool_calls", []).extend(turn["tool_calls"])
        joined[-1]["content"] = texts
    return [_written(turn, repairs) for turn in joined]


def _continues(previous: Turn, turn: Turn) -> bool:
    if previous["role"] != turn["role"] or turn["role"] == "tool" or previous.get("train") != turn.get("train"):
        return False
    return "tool_calls" not in previous or not turn["content"]


def _written(turn: Turn, repairs: Repairs) -> Turn:
    texts = turn["content"]
    if isinstance(texts, list):
        if len(texts) > 1:
            repairs.add("merged_turns")
        turn["content"] = "\n\n".join(texts)
    return turn


def _check(turns: list[Turn]) -> None:
    if not turns:
        raise Rejection("no_turns")
    previous_role = None
    for position, turn in enumerate(turns):
        role = turn["role"]
        if role == "system" and position:
            raise Rejection("late_system", _roles(turns))
        if role == "tool" and previous_role not in ("assistant", "tool"):
            raise Rejection("stray_result", _roles(turns))
        previous_role = role


def _mark_greeting(turns: list[Turn], repairs: Repairs) -> None:
    """A chat that begins with an answer: nothing was asked, so the greeting is shown and not learnt."""
    position = int(turns[0]["role"] == "system")
    if turns[position]["role"] == "assistant":
        if not any(turn["role"] == "user" for turn in turns):
            raise Rejection("starts_with_answer", _roles(turns))
        turns[position]["train"] = False
        repairs.add("greeting_is_context")


def _roles(turns: Sequence[Turn]) -> list[str]:
    return [turn["role"] for turn in turns]
