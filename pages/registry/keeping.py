"""The form that keeps something as a version: a run's result, an export, or a model."""

from collections.abc import Mapping

from markupsafe import Markup

from engine import names
from engine.errors import RefusedError
from pages.parts import fields, html
from storage import db, exports, models, runs
from storage.statuses import WorkStatus

MOST_CHOICES = 50
COLUMNS = {"run": "run_id", "export": "export_id", "model": "model_id"}


def kept_as(what: str) -> dict[str, str]:
    """What the form has chosen, `run:ID` and the like, as engine.registry.versions takes it. Raises RefusedError."""
    noun, _, row_id = what.partition(":")
    if noun not in COLUMNS or not row_id:
        raise RefusedError("Nothing was chosen.", "Choose a run, an export or a model.")
    return {COLUMNS[noun]: row_id}


def form(query: Mapping[str, str], name: str = "") -> Markup:
    """What can be kept, the newest first; chosen is what the address names (`?keep=RUN`)."""
    choices = _choices(query["project"])
    chosen = f"run:{query['keep']}" if query.get("keep") else ""
    if not choices:
        return Markup('<p class="ts-note">There is nothing to keep yet: train a run, or add a model.</p>')
    suggested = name or _slug(next((label for value, label in choices if value == chosen), ""))
    content = (
        fields.select("what", "Keep", choices, chosen),
        _field("name", "Under the name", suggested, 'pattern="[a-z0-9]([a-z0-9\\-]{0,46}[a-z0-9])?"'),
        Markup(
            '<label class="rg-wide"><b>Note</b><input name="note" maxlength="1000" placeholder="what is new or better">'
            "</label>"
        ),
    )
    return fields.form("keep", "new", "Keep as version", *content)


def _field(name: str, label: str, value: str, more: str) -> Markup:
    return Markup(
        '<label><b>{}</b><input name="{}" value="{}" maxlength="48" required autocomplete="off"'
        ' placeholder="a-z, 0-9 and -" title="Small letters, digits and dashes" {}></label>'
    ).format(label, name, value, Markup(more))


def _slug(label: str) -> str:
    return names.for_address(label.partition(" · ")[0])


def _choices(project_id: str) -> list[tuple[str, str]]:
    with db.reading() as session:
        trained = runs.results(session, project_id, MOST_CHOICES)
        made = exports.recent(session, limit=MOST_CHOICES)
        named = runs.names(session, [export.run_id for export, _ in made])
        ready = models.ready_names(session, MOST_CHOICES)
    options = [(f"run:{run_id}", f"{name} · run, {html.ago(ended_at)}") for run_id, name, ended_at in trained]
    for export, work in made:
        if work is None or work.status == WorkStatus.SUCCEEDED:
            options.append((f"export:{export.id}", f"{named.get(export.run_id, export.run_id)} · {export.kind} export"))
    return options + [(f"model:{model_id}", f"{name} · base model") for model_id, name in ready]
