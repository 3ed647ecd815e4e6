"""Kinds without turns: a prompt with its completion, plain text, and an answer in labelled steps."""

from engine.rows.kinds import context
from engine.rows.turns import cells, clean_turns
from engine.rows.verdict import Parts, Rejection, Repairs, Row, Values


def read_completion(row: Row, parts: Parts, repairs: Repairs) -> Values:
    """Two texts. Raises Rejection."""
    pair = clean_turns.pair(row, parts)
    if pair is not None:
        return {"prompt": pair[0], "completion": pair[1]}
    prompt, column = context.text_question(row, parts, repairs), parts["completion"]
    completion = cells.text(row[column], repairs, column)
    if not completion.strip():
        raise Rejection("empty_answer", {column: completion})
    return {"prompt": prompt, "completion": completion}


def read_text(row: Row, parts: Parts, repairs: Repairs) -> Values:
    """One text. Raises Rejection."""
    column = parts["text"]
    text = cells.text(row[column], repairs, column)
    if not text or text.isspace():
        raise Rejection("empty_text", {column: text})
    return {"text": text}


def read_steps(row: Row, parts: Parts, repairs: Repairs) -> Values:
    """A prompt, the steps of its answer and whether each is right. Raises Rejection."""
    prompt = context.text_question(row, parts, repairs)
    steps, labels = cells.opened(row[parts["completions"]]), cells.opened(row[parts["labels"]])
    if not isinstance(steps, list) or not isinstance(labels, list) or not steps or len(steps) != len(labels):
        raise Rejection("not_steps", {"completions": steps, "labels": labels})
    step_texts = [cells.text(step, repairs, "completions") for step in steps]
    if not all(step.strip() for step in step_texts):
        raise Rejection("empty_answer", {"completions": step_texts})
    verdicts = [cells.yes_or_no(label) for label in labels]
    if None in verdicts:
        raise Rejection("not_a_label", {"labels": labels})
    return {"prompt": prompt, "completions": step_texts, "labels": verdicts}
