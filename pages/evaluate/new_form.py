"""A new evaluation: what is judged, what it is compared with, on which rows."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup
from sqlmodel import Session

from engine.evaluate import evaluations, titles
from engine.evaluate.evaluations import Wanted
from pages.parts import fields, toasts
from storage import datasets, db, models, runs

MOST_OFFERED = 100
Choices = Sequence[tuple[str, str]]


def subjects(session: Session, project_id: str) -> Choices:
    """(subject, words) of what can be judged: the newest runs that left something, and the models."""
    trained = runs.results(session, project_id, MOST_OFFERED)
    ready = models.ready_names(session, MOST_OFFERED)
    return [
        *((f"run:{run_id}", name) for run_id, name, _ in trained),
        *((f"model:{model_id}", f"{name} (base)") for model_id, name in ready),
    ]


def with_own(session: Session, choices: Choices, subject: str) -> Choices:
    """The choices, and first the one of the address where it is not among them, such as a checkpoint."""
    if not subject or subject in dict(choices):
        return choices
    return [(subject, titles.of(session, [subject])[subject]), *choices]


def new_html(session: Session, query: Mapping[str, str], choices: Choices) -> Markup:
    """The form, folded; what the address names is chosen in it. `choices` are what `subjects` says."""
    project_id = query["project"]
    if not choices:
        return Markup()
    subject, against = query.get("subject", ""), query.get("against", "")
    rows = datasets.ready_names(session, project_id, MOST_OFFERED)
    form = fields.form(
        "measure", "", "Measure",
        fields.select("subject", "Is this better", with_own(session, choices, subject), subject),
        fields.select("against", "than this",
                      [("", "the model it was trained from"), *with_own(session, choices, against)], against),
        fields.select("dataset_id", "on these rows", [("", "rows its run held out"), *rows], query.get("dataset", "")),
        fields.text("limit", "Row limit", "as many as time allows"),
        fields.number("seed", "Seed", 0, most=2**31),
        fields.text("name", "Name", "from both names"),
        fields.text("tags", "Tags", "separated by commas"),
    )  # fmt: skip
    is_open = Markup(" open") if subject else ""
    about = Markup('<p class="ts-note">Both answer the same rows. It starts when no training needs the device.</p>')
    return Markup('<details class="ev-new" data-key="new"{}><summary>New evaluation</summary>{}{}</details>').format(
        is_open, about, form
    )


def measure(_id: str, values: Mapping[str, str], project_id: str) -> str:
    """Puts what the form says in the line; returns the address of the new evaluation."""
    subject, against = values.get("subject", ""), values.get("against", "") or None
    made = evaluations.create(
        Wanted(
            name=values.get("name", "").strip() or _name(subject, against),
            subject=subject,
            against=against,
            dataset_id=values.get("dataset_id") or None,
            limit=fields.whole(values, "limit", "a number of rows") if values.get("limit", "").strip() else None,
            seed=fields.whole(values, "seed", "a seed") if values.get("seed", "").strip() else 0,
            project_id=project_id,
            tags=tuple(values.get("tags", "").split(",")),
        )
    )
    toasts.done(f"{made.name} is queued.")
    return f"/evaluate?evaluation={made.id}"


def _name(subject: str, against: str | None) -> str:
    with db.reading() as session:
        called = titles.of(session, filter(None, (subject, against)))
    pair = called[subject] if against is None else f"{called[subject]} against {called[against]}"
    return pair[:120] or "evaluation"
