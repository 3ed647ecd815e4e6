"""Editing one row: its texts as fields, or the whole row as JSON. Reached from the row itself; makes a new version."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from engine.data import datasets, shape
from engine.errors import RefusedError
from pages.data.dataset_view import ROWS_A_PAGE, address
from pages.parts import fields, html
from storage.tables import Dataset

LABEL = "Edit a row"
LONGEST_EDITED = 200_000  # characters of a row that a page can hold well
_NOT_TEXTS = ("row", "tools", "extra")


def html_of(dataset: Dataset, query: Mapping[str, str]) -> Markup:
    """The form for the row that the address names by `row`, counted from 0."""
    position = int(query["row"]) if query.get("row", "").isdecimal() and len(query["row"]) < 16 else 0
    rows = datasets.rows(dataset.id, position, 1)
    if not rows:
        return html.notice(f"There is no row at place {position + 1:,}.", "Choose one in Rows.", "warn")
    row = rows[0]
    if len(_json(row)) > LONGEST_EDITED:
        hint = "Change it in the file and import that again, or by PUT /api/datasets/ID/rows/POSITION."
        return html.notice("The row is too long to be edited here.", hint, "warn")
    title = f"Row {position + 1:,} of {dataset.train_rows:,}"
    return Markup('<div class="dt-edit" data-key="edit-{}-{}">{}{}</div>').format(
        dataset.id,
        position,
        html.card(title, _texts_form(dataset, position, row), aside=_drop_form(dataset, position)),
        _json_form(dataset, position, row),
    )


def _texts_form(dataset: Dataset, position: int, row: Mapping[str, Any]) -> Markup:
    texts = html.join(_field(path, label, text) for path, label, text in _texts(row))
    label: object = ""
    if "label" in row:
        choices = [("true", "good"), ("false", "bad")]
        label = fields.select("label", "This answer is", choices, "true" if row["label"] else "false")
    back_link = html.link(
        "Back to the rows", address(dataset.id, "rows", position // ROWS_A_PAGE * ROWS_A_PAGE), soft=True
    )
    return Markup(
        '<form class="dt-row-form" data-act="edit-row" data-id="{}"><input type="hidden" name="position" value="{}">'
        '{}{}<footer><button class="ts-button" data-tone="primary" type="submit">Save as a new version</button>'
        "<p>A turn that you empty is left out. {}</p></footer></form>"
    ).format(dataset.id, position, texts, label, back_link)


def _drop_form(dataset: Dataset, position: int) -> Markup:
    return Markup(
        '<form data-act="drop-row" data-id="{}" data-confirm="Leave this row out of the next version?">'
        '<input type="hidden" name="position" value="{}">'
        '<button class="ts-button" data-tone="danger" type="submit">Drop this row</button></form>'
    ).format(dataset.id, position)


def _field(path: str, label: str, text: str) -> Markup:
    # The parser leaves out a line break right after the tag: without this one it would take one of the text.
    lines = min(18, max(2, text.count("\n") + len(text) // 90 + 1))
    return Markup('<label><b>{}</b><textarea name="text:{}" rows="{}">\n{}</textarea></label>').format(
        label, path, lines, text
    )


def _json_form(dataset: Dataset, position: int, row: Mapping[str, Any]) -> Markup:
    whole = {name: value for name, value in row.items() if name != "row"}
    return Markup(
        '<details class="ts-card da-fold dt-json"><summary>The whole row as JSON: turns, calls of tools, flags '
        'and what stands beside it</summary><form class="dt-row-form" data-act="edit-row" data-id="{}">'
        '<input type="hidden" name="position" value="{}">'
        '<label><b>Row</b><textarea name="json" rows="18" spellcheck="false">\n{}</textarea></label>'
        '<footer><button class="ts-button" type="submit">Save as a new version</button></footer></form></details>'
    ).format(dataset.id, position, _json(whole))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _texts(row: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(path, what it is, text) of each text that is learnt or shown to the model."""
    for name, value in row.items():
        if name in _NOT_TEXTS:
            continue
        if isinstance(value, str):
            yield name, name, value
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, dict):
                    side = f"{name}: " if name in ("chosen", "rejected") else ""
                    calls = " (calls a tool, see JSON)" if item.get("tool_calls") else ""
                    yield f"{name}.{index}", f"{side}{item['role']}{calls}", item["content"]
                elif isinstance(item, str):
                    yield f"{name}.{index}", f"step {index + 1}", item


def edited(row: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """The row with the texts of a form. Line breaks a browser has rewritten count as unchanged."""
    changed_row: dict[str, Any] = json.loads(json.dumps({name: value for name, value in row.items() if name != "row"}))
    for path, _, old_text in _texts(row):
        new_text = values.get(f"text:{path}")
        if new_text is None or new_text == old_text.replace("\r\n", "\n").replace("\r", "\n"):
            continue
        name, _, index = path.partition(".")
        if not index:
            changed_row[name] = new_text
        elif isinstance(changed_row[name][int(index)], dict):
            changed_row[name][int(index)]["content"] = new_text
        else:
            changed_row[name][int(index)] = new_text
    if "label" in changed_row and values.get("label") in ("true", "false"):
        changed_row["label"] = values["label"] == "true"
    return changed_row


def _act_edit(id: str, values: Mapping[str, str], _project: str) -> str:
    position = fields.whole(values, "position", "the position of a row")
    if "json" in values:
        edited_row = _from_json(values["json"])
    else:
        rows = datasets.rows(id, position, 1)
        edited_row = edited(rows[0], values) if rows else {}
    return address(shape.edit_row(id, position, edited_row).id, "rows", position // ROWS_A_PAGE * ROWS_A_PAGE)


def _act_drop(id: str, values: Mapping[str, str], _project: str) -> str:
    position = fields.whole(values, "position", "the position of a row")
    version = shape.drop_rows(id, [position])
    return address(version.id, "rows", position // ROWS_A_PAGE * ROWS_A_PAGE)


def _from_json(text: str) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"This is not valid JSON: {str(error)[:200]}.", "Correct it, and save again.") from error
    if not isinstance(row, dict):
        raise RefusedError("The row is not a JSON object.", "Write it in braces, with named parts.")
    return {"extra": None, **row}


ACTS = {"edit-row": _act_edit, "drop-row": _act_drop}
