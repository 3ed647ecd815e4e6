"""Unpaired answers: a question, one answer, and whether it is a good one."""

from engine.data import cells, order, quick, toolbox
from engine.data.kinds import asked
from engine.data.verdict import Parts, Rejection, Repairs, Row, Values
from engine.data.words import USUAL, Words


def read(row: Row, parts: Parts, repairs: Repairs, words: Words = USUAL) -> Values:
    """The prompt and the answer from a chat that ends with it, or from two columns. Raises Rejection."""
    label = cells.yes_or_no(row[parts["label"]])
    if label is None:
        raise Rejection("not_a_label", {parts["label"]: row[parts["label"]]})
    clean = quick.chat(row[parts["messages"]], words) if len(parts) == 2 and "messages" in parts else None
    if clean is not None:
        return {"prompt": clean[:-1], "completion": clean[-1:], "label": label}
    said = asked.before(row, parts, repairs, words)
    if "messages" in parts:
        prompt, completion = order.apart(order.chat(said, repairs))
    else:
        prompt, completion = said, asked.side(row[parts["completion"]], repairs, words)
    values: Values = {"prompt": order.question(prompt, repairs), "completion": order.answer(completion, repairs)}
    return toolbox.beside(row, parts, {**values, "label": label}, repairs)
