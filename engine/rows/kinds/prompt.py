"""Prompts alone, for training with rewards: what is asked, and the other columns for those who judge the answers."""

from engine.rows.kinds import context
from engine.rows.turns import ordering, tools
from engine.rows.turns.role_names import USUAL, Words
from engine.rows.verdict import Parts, Repairs, Row, Values


def read(row: Row, parts: Parts, repairs: Repairs, words: Words = USUAL) -> Values:
    """The turns up to the question. Raises Rejection."""
    prompt_turns = ordering.question(context.turns_before_answer(row, parts, repairs, words), repairs)
    return tools.with_tools(row, parts, {"prompt": prompt_turns}, repairs)
