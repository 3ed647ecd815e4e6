"""The conditions of a filter as fields of a form, and back."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from engine.data import shape
from pages.parts import fields, html
from storage.tables import Dataset

MOST_CONDITIONS = 3
_COLUMN = "column:"
_WHERE = (
    ("anywhere", "the text of the row"),
    ("question", "the question"),
    ("answer", "the answer"),
    ("system", "the system text"),
    ("every column", "every column"),
)
_TESTS = (
    ("contains", "contains"),
    ("matches", "matches (regex)"),
    ("least", "has at least ... characters"),
    ("most", "has at most ... characters"),
    ("role", "has a turn of the role"),
    ("is", "is exactly (columns)"),
)


def conditions_html(dataset: Dataset) -> Markup:
    """The first condition, and more behind a fold."""
    columns = [(_COLUMN + name, f"column {name}") for name in shape.columns(dataset)]
    rows = [_row(number, [*_WHERE, *columns]) for number in range(1, MOST_CONDITIONS + 1)]
    return Markup(
        '<div class="dt-conditions">{}<details class="da-fold"><summary>More conditions</summary>{}</details></div>'
    ).format(rows[0], html.join(rows[1:]))


def _row(number: int, where: list[tuple[str, str]]) -> Markup:
    return Markup('<div class="dt-condition">{}{}{}</div>').format(
        fields.select(f"where{number}", "Look at", where),
        fields.select(f"test{number}", "Condition", _TESTS),
        fields.text(f"value{number}", "Value", "Sorry" if number == 1 else ""),
    )


def conditions_of(values: Mapping[str, str]) -> list[dict[str, Any]]:
    """What the form says, as engine.rows.shape.filtering has it. Raises RefusedError for a length that is no number."""
    conditions = []
    for number in range(1, MOST_CONDITIONS + 1):
        where, test, value = (values.get(f"{name}{number}", "") for name in ("where", "test", "value"))
        if value:
            conditions.append(_condition(where, test, {"value": value}))
    return conditions


def _condition(where: str, test: str, value: Mapping[str, str]) -> dict[str, Any]:
    if where.startswith(_COLUMN):
        return {"test": "column", "name": where.removeprefix(_COLUMN), "equals": value["value"]}
    match test:
        case "least" | "most":
            return {"test": "length", test: fields.whole(value, "value", "a number of characters"), "where": where}
        case "role":
            return {"test": "role", "role": value["value"].strip().lower()}
        case "is":
            return {"test": "column", "name": "label", "equals": value["value"]}
        case "matches":
            return {"test": "matches", "pattern": value["value"], "where": where}
    return {"test": "contains", "text": value["value"], "where": where}
