"""The recipe of a run: what was changed and who changed it, the whole as YAML, and what differs from another run's."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from engine.errors import TunesmithError
from engine.recipes import by_name, diff, provenance, recipe
from engine.recipes.diff import Difference
from engine.runs import runs
from pages.parts import fields, html
from pages.train.recipe_words import TITLES, value_words
from storage import datasets, db, models
from storage import runs as stored_runs
from storage.tables import Run

MOST_OFFERED = 100
DEFAULTS = "defaults"  # in the address: compare with a recipe nobody has touched


def recipe_html(query: Mapping[str, str]) -> str:
    """The recipe of the run in the query, beside the one named by `against`."""
    try:
        run = runs.look_up(query.get("run", ""))
    except TunesmithError:
        return ""
    return str(html.join((_card(run), _comparison(run, query.get("against")))))


def _card(run: Run) -> Markup:
    try:
        text = by_name.to_yaml(recipe.parse(run.recipe))
    except TunesmithError as error:  # written by a later version of the studio
        text = str(error)
    id = f"recipe-{run.id}"
    copy = Markup('<button type="button" class="ts-button" data-copy="{}">Copy YAML</button>').format(id)
    all_fields = Markup(
        '<details class="tr-whole"><summary>All of it as YAML</summary>'
        '<pre class="ts-code" id="{}" tabindex="0">{}</pre></details>'
    ).format(id, text)
    return html.card("Recipe", _changed(run), all_fields, aside=copy)


def _changed(run: Run) -> Markup:
    """Each field that is not at its default, with where its value came from."""
    origins = run.origins
    rows = [
        html.Row((TITLES[name], value_words(run.recipe[name]), _from(origins.get(name, provenance.YOU))))
        for name in provenance.changed(run.recipe)
    ]
    if not rows:
        return Markup('<p class="ts-hint">Every field is at its default.</p>')
    return html.table(("Changed field", "Value", "From"), rows, "Changed fields")


def _from(origin: str) -> object:
    """An origin; a run is a link."""
    kind, _, name = origin.partition(": ")
    return html.link(origin, f"/runs?run={name}", soft=True) if kind == "run" and name.isalnum() else origin


def _comparison(run: Run, against: str | None) -> Markup:
    against = run.repeats if against is None else against
    with db.reading() as session:
        others = [
            candidate
            for candidate in stored_runs.recent(session, run.project_id, MOST_OFFERED)
            if candidate.id != run.id
        ]
        other = stored_runs.get(session, against) if against and against != DEFAULTS else None
    if other and other.id not in [candidate.id for candidate in others]:
        others.append(other)
    choices = [
        ("", "choose a run"),
        (DEFAULTS, "the default recipe"),
        *((candidate.id, _run_label(candidate, run)) for candidate in others),
    ]
    form = Markup('<form class="dt-fields" data-query="change" data-key="against-{}">{}</form>').format(
        against or "", fields.select("against", "Compare with", choices, against or "")
    )
    differences = Markup()
    if other:
        differences = _differences(diff.diff(run.recipe, other.recipe), other.name)
    elif against == DEFAULTS:
        subjects = {name: run.recipe.get(name) for name in provenance.SUBJECTS}
        differences = _differences(diff.diff(run.recipe, subjects), "Default")
    return html.card("Compared", form, differences)


def _run_label(other: Run, run: Run) -> str:
    return f"{other.name} ({'repeated here' if other.id == run.repeats else html.ago(other.created_at)})"


def _differences(differences: Sequence[Difference], name: str) -> Markup:
    if not differences:
        return Markup("<p>{}</p>").format("Both recipes are the same.")
    rows = [
        html.Row(
            (
                TITLES[difference.field],
                _value(difference.field, difference.left),
                _value(difference.field, difference.right),
            )
        )
        for difference in differences
    ]
    return html.table(("Field", "This run", name), rows, "Differences")


def _value(field: str, value: Any) -> str:
    """A value as people write it; models and datasets by their names."""
    if field not in provenance.SUBJECTS:
        return value_words(value)
    with db.reading() as session:
        row = (models.get if field == "model_id" else datasets.get)(session, str(value))
    return row.name if row else str(value)
