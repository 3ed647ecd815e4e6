"""Unpaired answers: a question, one answer, and whether it is a good one."""

from engine.rows.kinds import context
from engine.rows.turns import cells, clean_turns, ordering, tools
from engine.rows.turns.role_names import USUAL, Words
from engine.rows.verdict import Parts, Rejection, Repairs, Row, Values


def read(row: Row, parts: Parts, repairs: Repairs, words: Words = USUAL) -> Values:
    """The prompt and the answer from a chat that ends with it, or from two columns. Raises Rejection."""
    label = cells.yes_or_no(row[parts["label"]])
    if label is None:
        raise Rejection("not_a_label", {parts["label"]: row[parts["label"]]})
    clean = clean_turns.chat(row[parts["messages"]], words) if len(parts) == 2 and "messages" in parts else None
    if clean is not None:
        return {"prompt": clean[:-1], "completion": clean[-1:], "label": label}
    turns = context.turns_before_answer(row, parts, repairs, words)
    if "messages" in parts:
        prompt, completion = ordering.split_last_answer(ordering.chat(turns, repairs))
    else:
        prompt, completion = turns, context.side(row[parts["completion"]], repairs, words)
    values: Values = {
        "prompt": ordering.question(prompt, repairs),
        "completion": ordering.answer(completion, repairs),
    }
    return tools.with_tools(row, parts, {**values, "label": label}, repairs)
