"""Preferences: a question with a better and a worse answer, in whichever of its shapes."""

from engine.rows.kinds import context, ranked
from engine.rows.turns import clean_turns, ordering, tools
from engine.rows.turns.role_names import USUAL, Words
from engine.rows.turns.turns import Turn
from engine.rows.verdict import Parts, Rejection, Repairs, Row, Values

Sides = tuple[list[Turn], list[Turn], list[Turn]]  # prompt, chosen, rejected


def read(row: Row, parts: Parts, repairs: Repairs, words: Words = USUAL) -> Values:
    """The prompt and two answers from any set of parts in `row_parts.NEEDS`. Raises Rejection."""
    clean = _clean(row, parts)
    if clean is not None:
        return clean
    prompt, chosen, rejected = _apart(*_sides(row, parts, repairs, words), repairs)
    values = {
        "prompt": ordering.question(prompt, repairs),
        "chosen": ordering.answer(chosen, repairs),
        "rejected": ordering.answer(rejected, repairs),
    }
    if values["chosen"] == values["rejected"]:
        raise Rejection("same_answers", values["chosen"][-1]["content"])
    return tools.with_tools(row, parts, values, repairs)


def _clean(row: Row, parts: Parts) -> Values | None:
    """The short way for three clean texts."""
    if "chosen" not in parts or "rejected" not in parts:
        return None
    values = {
        "prompt": clean_turns.question(row, parts),
        "chosen": clean_turns.answer(row[parts["chosen"]]),
        "rejected": clean_turns.answer(row[parts["rejected"]]),
    }
    return None if None in values.values() or values["chosen"] == values["rejected"] else values


def _sides(row: Row, parts: Parts, repairs: Repairs, words: Words) -> Sides:
    """What stands in the row, before it is known where the question ends."""
    prompt = context.turns_before_answer(row, parts, repairs, words)
    if "answers" in parts:
        best, worst = ranked.best_and_worst(row[parts["answers"]])
        return prompt, context.side(best, repairs, words), context.side(worst, repairs, words)
    rejected = context.side(row[parts["rejected"]], repairs, words)
    column = parts.get("chosen") or parts.get("completion")
    if column is not None:
        return prompt, context.side(row[column], repairs, words), rejected
    return *ordering.split_last_answer(prompt), rejected  # the chat itself ends with the better answer


def _apart(prompt: list[Turn], chosen: list[Turn], rejected: list[Turn], repairs: Repairs) -> Sides:
    """The question apart from the answers. An answer that begins with a question holds the whole chat: then what both
    begin with is the prompt."""
    prompt, chosen, rejected = _unflagged(prompt), _unflagged(chosen), _unflagged(rejected)
    if all(side and side[0]["role"] == "assistant" for side in (chosen, rejected)):
        if any(turn["role"] != "system" for turn in prompt):
            return prompt, chosen, rejected
        return _common_words(prompt, chosen, rejected, repairs)
    whole_chosen, whole_rejected = (_whole(prompt, side) for side in (chosen, rejected))
    common = 0
    while common < min(len(whole_chosen), len(whole_rejected)) - 1 and whole_chosen[common] == whole_rejected[common]:
        common += 1
    return whole_chosen[:common], whole_chosen[common:], whole_rejected[common:]


def _unflagged(turns: list[Turn]) -> list[Turn]:
    return [{key: value for key, value in turn.items() if key != "train"} for turn in turns]


def _whole(prompt: list[Turn], side: list[Turn]) -> list[Turn]:
    if side and side[0]["role"] == "user":
        return [turn for turn in prompt if turn["role"] == "system"] + side
    return side if side and side[0]["role"] == "system" else prompt + side


def _common_words(prompt: list[Turn], chosen: list[Turn], rejected: list[Turn], repairs: Repairs) -> Sides:
    """Two texts without a prompt: the words both begin with are it."""
    chosen_text, rejected_text = chosen[0]["content"], rejected[0]["content"]
    if chosen_text == rejected_text:
        raise Rejection("same_answers", chosen_text)
    start = _shared(chosen_text, rejected_text)
    endings = chosen_text[len(start) :].lstrip(), rejected_text[len(start) :].lstrip()
    if not start.strip() or len(chosen) > 1 or len(rejected) > 1:
        raise Rejection("no_prompt", {"chosen": chosen_text, "rejected": rejected_text})
    repairs.add("common_beginning")
    better, worse = ([{"role": "assistant", "content": ending}] for ending in endings)
    return [*prompt, {"role": "user", "content": start}], better, worse


def _shared(first: str, second: str) -> str:
    """The words two texts begin with, up to the last blank before they part."""
    ends = (position for position, (a, b) in enumerate(zip(first, second, strict=False)) if a != b)
    start = first[: next(ends, min(len(first), len(second)))]
    return start[: max((position for position, character in enumerate(start) if character.isspace()), default=0)]
