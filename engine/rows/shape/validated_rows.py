"""Rows that a person writes, edits or changes by a rule are read like rows of a file: a bad one is refused with why."""

from collections.abc import Mapping
from typing import Any

from engine.errors import RefusedError
from engine.rows.mapping import detection
from engine.rows.turns import cells
from engine.rows.verdict import Kind, Rejection

Values = dict[str, Any]


def checked(values: Mapping[str, Any], kind: Kind) -> tuple[Values, frozenset[str]]:
    """The row as a dataset of the kind keeps it, and the repairs it took. Raises Rejection.

    `values` may be in any format that becomes this kind. `extra` is kept beside it, whatever its columns are called.
    """
    learnt = {name: value for name, value in values.items() if name not in ("extra", "row")}
    file_format = next(row_format for row_format in detection.FORMATS if row_format.kind == kind)
    verdict = detection.judge(learnt, file_format)
    if isinstance(verdict, Rejection):
        raise verdict
    extra = {**verdict.values.get("extra", {}), **_extra(values.get("extra"))}
    row = {name: value for name, value in verdict.values.items() if name != "extra"}
    return (row | {"extra": extra} if extra else row), frozenset(verdict.repairs)


def _extra(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Rejection("not_an_object", {"extra": value})
    extra: dict[str, Any] = cells.plain(value)
    return extra


def required(values: Mapping[str, Any], kind: Kind, where: str = "The row") -> Values:
    """The same, for the person who wrote it: raises RefusedError with the rule, the value and what would help."""
    try:
        return checked(values, kind)[0]
    except Rejection as rejection:
        detail = f": {rejection.value}" if rejection.value else ""
        rule = rejection.rule.replace("_", " ")
        raise RefusedError(f"{where} cannot be taken ({rule}){detail}", rejection.fix) from rejection
