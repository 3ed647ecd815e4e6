"""Which measures make sense of some rows, and which one decides: said from the data alone, before anything is measured.

What is called better must not be chosen once the numbers are known: among ten measures one is always up by chance.
"""

from collections.abc import Callable, Sequence

from engine.evaluate.measures import numbers, structure, text
from engine.evaluate.measures.expected import Expected
from engine.recipes.methods import GENERATING

MOST = 0.8  # share of rows with a form from which the data is of that form
SHORT = 60  # characters of an answer that one can be expected to give word for word
LOOKED_AT = 1000  # rows
Asked = Callable[[Expected], bool]


def measures_for(kind: str, rows: Sequence[Expected], method: str = "") -> list[str]:
    """Names of measures, the primary one first. `rows`: what is expected of the rows to be measured."""
    primary = primary_for(kind, method, rows)
    return [primary, *(name for name in _all_for(kind, method, rows[:LOOKED_AT]) if name != primary)]


def primary_for(kind: str, method: str, rows: Sequence[Expected]) -> str:
    """The one measure whose difference is the verdict. See docs/guide/report.md and the reasons in decisions.md."""
    if method in GENERATING or kind == "prompt":
        return "reward"
    if kind == "preference":
        return "preference_accuracy"
    if kind == "unpaired":
        return "preference_margin"
    return _primary_of_answers(rows[:LOOKED_AT]) if kind in ("chat", "completion") else "nll"


def _primary_of_answers(rows: Sequence[Expected]) -> str:
    if _mostly(rows, lambda row: bool(row.calls), 0.5):  # answers in words beside the calls are usual
        return "tool_arguments"
    if _mostly(rows, _is_object):
        return "json_match" if _mostly(rows, lambda row: len(row.answer) <= 10 * SHORT) else "nll"
    if _mostly(rows, lambda row: numbers.ends_in_number(row.answer)):
        return "number_match"
    return "exact_match" if _mostly(rows, lambda row: len(text.final(row.answer)) <= SHORT) else "nll"


def _all_for(kind: str, method: str, rows: Sequence[Expected]) -> list[str]:
    if method in GENERATING or kind == "prompt":
        return ["reward", *_by_form(rows), "length", "repetition"]
    if kind == "preference":
        return ["preference_accuracy", "preference_margin", "nll", "perplexity"]
    if kind == "unpaired":
        return ["preference_margin", "nll", "perplexity"]
    if kind not in ("chat", "completion"):
        return ["nll", "perplexity"]
    return [*_of_answers(rows), *_by_form(rows), "nll", "perplexity", "length", "repetition"]


def _of_answers(rows: Sequence[Expected]) -> list[str]:
    names = ["tool_arguments", "tool_name"] if any(row.calls for row in rows) else []
    written = [row for row in rows if row.answer.strip()]
    if not written:
        return names
    if _mostly(written, _is_object):
        return [*names, "json_match", "json_valid", "exact_match"]
    names += ["exact_match", *(["number_match"] if _mostly(written, _has_number, 0.5) else [])]
    by_character = _mostly(written, lambda row: text.by_character(row.answer), 0.5)
    return [*names, *(["chrf", "character_overlap"] if by_character else ["token_f1", "rouge_l", "chrf", "bleu"])]


def _by_form(rows: Sequence[Expected]) -> list[str]:
    has_schema, has_pattern = any(row.schema is not None for row in rows), any(row.pattern for row in rows)
    return [*(["json_schema"] if has_schema else []), *(["regex"] if has_pattern else [])]


def _mostly(rows: Sequence[Expected], is_so: Asked, share: float = MOST) -> bool:
    return bool(rows) and sum(map(is_so, rows)) >= share * len(rows)


def _is_object(row: Expected) -> bool:
    return isinstance(structure.value(row.answer), (dict, list))


def _has_number(row: Expected) -> bool:
    return numbers.last_number(text.final(row.answer)) is not None
