"""Prompts alone, for training with rewards: what is asked, and the other columns for those who judge the answers."""

from engine.data import order, toolbox
from engine.data.kinds import asked
from engine.data.verdict import Parts, Repairs, Row, Values
from engine.data.words import USUAL, Words


def read(row: Row, parts: Parts, repairs: Repairs, words: Words = USUAL) -> Values:
    """The turns up to the question. Raises Rejection."""
    said = order.question(asked.before(row, parts, repairs, words), repairs)
    return toolbox.beside(row, parts, {"prompt": said}, repairs)
