"""The preview below the form: what an import would make of the files, while nothing of them is stored yet.

The address names the look (`?look=ID`), so that a reload keeps it. It adds no step: Import works without it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup

from engine.data import previews
from engine.data.previews import Preview
from engine.errors import NotFoundError
from engine.process import work
from pages.data import mapping_rows
from pages.data.dataset_view import words
from pages.data.mapping import part_label
from pages.parts import html
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Dataset, Work

ROWS = 3
WAIT_SECONDS = 1.0  # for the first rows; the page asks again later
MOST_FILES = 6  # that are named


def html_of(query: Mapping[str, str]) -> str:
    """The preview that the address names; nothing without one, or while a dataset is open."""
    if not query.get("look") or query.get("dataset"):
        return ""
    try:
        look = work.wait(previews.look_up(query["look"]).id, WAIT_SECONDS)
    except NotFoundError as error:
        return str(_card("", html.notice(error.message, error.hint, "calm")))
    if look.status in WORK_MOVING:
        return str(_card("", _reading(look)))
    if look.status != WorkStatus.SUCCEEDED:
        return str(_card("", html.notice(look.error or "The first rows could not be read.", look.hint or "")))
    return str(_preview(look, previews.read(look)))


def _card(buttons: object, *content: object) -> Markup:
    close = html.link("Close", "/data", soft=True)
    return Markup(
        '<section class="da-preview" aria-label="Preview"><header><h3>Preview</h3><small>Nothing is stored yet.</small>'
        '<div class="ts-actions">{}{}</div></header>{}</section>'
    ).format(buttons, close, html.join(content))


def _reading(look: Work) -> Markup:
    label = look.stage.capitalize() or "Reading the first rows"
    return Markup('<div class="da-importing"><p>{}</p>{}</div>').format(label, html.progress(None, label))


def _preview(look: Work, preview: Preview) -> Markup:
    facts = preview.facts
    rows = html.join(mapping_rows.row_html(row) for row in _shown(preview))
    return _card(
        _buttons(look, facts),
        _doubt(look, facts),
        html.facts(_facts(preview)),
        mapping_rows.tally_html(facts) if facts["kind"] else "",
        Markup('<ol class="da-rows">{}</ol>').format(rows) if rows else "",
    )


def _shown(preview: Preview) -> list[dict[str, Any]]:
    """The first rows, and the first one that would be rejected, so that its reason is seen."""
    first, rejected = preview.rows[:ROWS], [row for row in preview.rows if row["verdict"] == "rejected"]
    return [*first, *(row for row in rejected[:1] if row not in first)]


def _buttons(look: Work, facts: Mapping[str, Any]) -> Markup:
    taken = facts["accepted"] + facts["repaired"]
    right = html.button("Looks right", "as_shown", look.id, tone="primary") if taken else ""
    by_hand = html.button("Choose the columns", "by_hand", look.id) if facts["guessed"] or not taken else ""
    return html.join((right, by_hand if look.kind == previews.FILES else ""))


def _doubt(look: Work, facts: Mapping[str, Any]) -> Markup:
    """What is not certain, and so needs a person."""
    if facts["encodings"]:
        return _encodings(look, facts)
    if facts["guessed"]:
        hint = "This is a guess by the names of the columns and what is in them. If it is wrong, choose the columns."
        return html.notice("The names of these columns are not known.", hint, "warn")
    if facts["remembered"]:
        return html.notice(f"Read by the mapping of {facts['remembered']}, which has the same columns.", "", "calm")
    return Markup()


def _encodings(look: Work, facts: Mapping[str, Any]) -> Markup:
    current = look.spec.get("encoding") or facts["files"][0]["encoding"]
    rows = html.join(_encoding(look.id, choice, choice["encoding"] == current) for choice in facts["encodings"])
    return Markup('<div class="da-encodings"><h4>Which of these reads right?</h4><ul>{}</ul></div>').format(rows)


def _encoding(look_id: str, choice: Mapping[str, str], is_current: bool) -> Markup:
    return Markup(
        '<li><form data-act="read_as" data-id="{}"><input type="hidden" name="encoding" value="{}">'
        '<button class="ts-button" aria-pressed="{}">{}</button><span>{}</span></form></li>'
    ).format(look_id, choice["encoding"], str(is_current).lower(), choice["label"], choice["sample"])


def _facts(preview: Preview) -> list[tuple[str, object]]:
    facts, files = preview.facts, preview.facts["files"]
    names = [file["name"] for file in files]
    return [
        ("File" if len(names) == 1 else "Files", _listed(names)),
        ("Kind", facts["kind"]),
        ("For", ", ".join(preview.methods)),
        ("Format", _format(facts)),
        ("Written as", _listed(list(dict.fromkeys(file["written_as"] for file in files)))),
        ("Encoding", _listed(list(dict.fromkeys(file["encoding_label"] for file in files if file["encoding"])))),
        ("Rows", row_words(facts)),
        ("Size", html.size(sum(file["bytes"] for file in files))),
        ("Columns", columns_words(facts)),
    ]


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_FILES} more" if len(names) > MOST_FILES else ""
    return ", ".join(names[:MOST_FILES]) + more


def _format(facts: Mapping[str, Any]) -> str:
    if facts["guessed"]:
        return "not known"
    share = "" if facts["confidence"] >= 1 else f", fits {100 * facts['confidence']:.3g} % of the first rows"
    return (words(facts["format"]) or "mapped by hand") + share


def row_words(facts: Mapping[str, Any]) -> str:
    """How many rows there are: "3", "about 1,990,000"; "" when that is not known."""
    rows: int | None = facts["rows"]
    if rows is None:
        return ""
    if facts["exact"]:
        return f"{rows:,}"
    digits = max(0, len(str(rows)) - 2)
    return f"about {round(rows, -digits):,}"


def columns_words(facts: Mapping[str, Any]) -> str:
    """Which part of a row comes from which column: "prompt from Frage, answer from Antwort"."""
    mapping = facts["mapping"] or {"parts": {}}
    pairs = [f"{part_label(part).lower()} from {column}" for part, column in mapping["parts"].items()]
    return ", ".join(pairs) or ", ".join(facts["columns"])


def reading_as(look_id: str, encoding: str) -> str:
    """The id of another look at the same files, in another encoding."""
    return previews.again(look_id, encoding).id


IMPORTS: dict[str, Callable[[str, str, str], Dataset]] = {
    "as_shown": previews.import_as_shown,
    "by_hand": previews.import_as_detected,
}
"""What the buttons do, by the id of the look, a name and the project."""
