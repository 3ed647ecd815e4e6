"""What a person wrote on a run: the star, tags, the note, the archive."""

from markupsafe import Markup

from pages.parts import html, markdown
from pages.parts.filling import filled
from storage.tables import Run


def star(run: Run) -> Markup:
    """A button that marks a favourite, or takes the mark away."""
    act, label = ("unfavourite", "Remove from favourites") if run.favourite else ("favourite", "Mark as favourite")
    return filled(
        '<button type="button" class="rn-star" data-act="{}" data-id="{}" aria-pressed="{}" aria-label="{}: {}"'
        ' title="{}">{}</button>', 
        act, run.id, "true" if run.favourite else "false", label, run.name, label,
        Markup("&#9733;") if run.favourite else Markup("&#9734;"),
    )  # fmt: skip


def marks(run: Run) -> Markup:
    """Tags and note with the forms that change them, and the archive's button."""
    tags = html.join(filled('<bdi class="ts-mark">{}</bdi>', tag) for tag in run.tags)
    archive = (
        html.button("Unarchive", "unarchive", run.id) if run.archived else html.button("Archive", "archive", run.id)
    )
    note = markdown.shown(run.note) if run.note else Markup()
    return filled(
        '<section class="ts-card rn-marks" aria-label="Tags and note">'
        '<div class="rn-marks-row">{}<div class="ts-marks">{}</div>{}{}{}</div>{}</section>',
        star(run),
        tags,
        _tags_form(run),
        _note_form(run),
        archive,
        note,
    )


def _tags_form(run: Run) -> Markup:
    return filled(
        '<details class="rn-edit" data-menu><summary class="ts-button">{}</summary>'
        '<form data-act="tags" data-id="{}"><input class="ts-input" name="tags" value="{}" maxlength="450"'
        ' placeholder="Tags, separated by commas" aria-label="Tags, separated by commas" autocomplete="off">'
        '<button class="ts-button">Save</button></form></details>',
        "Change tags" if run.tags else "Add tags",
        run.id,
        ", ".join(run.tags),
    )


def _note_form(run: Run) -> Markup:
    return filled(
        '<details class="rn-edit" data-menu><summary class="ts-button">{}</summary>'
        '<form data-act="note" data-id="{}"><textarea class="ts-input" name="note" rows="6" maxlength="20000"'
        ' placeholder="What you want to remember. Markdown." aria-label="Note, as Markdown" dir="auto">\n{}</textarea>'
        '<button class="ts-button">Save</button></form></details>',
        "Change note" if run.note else "Add a note",
        run.id,
        run.note,
    )
