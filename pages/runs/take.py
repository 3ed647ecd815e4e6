"""Get the model: what a run has trained as a download, as one merged model, as a folder, and how to load it."""

from collections.abc import Mapping
from typing import Any, get_args

from markupsafe import Markup

from engine.errors import TunesmithError
from engine.exports import exports, facts
from engine.exports.card import using
from engine.exports.exports import Dtype
from engine.subjects import subject as subjects
from engine.subjects.subject import Subject
from pages.parts import fields, html, live, toasts
from storage.statuses import WORK_MOVING, RunStatus, WorkStatus
from storage.tables import Run

PLACE = "get-the-model"  # where a link leads on the page
DTYPES = {"base": "as the base", "float32": "float32, exact", "bfloat16": "bfloat16", "float16": "float16"}


def can_be(run: Run) -> bool:
    """Whether the run has left something to take."""
    return run.status == RunStatus.SUCCEEDED and bool(run.artifact)


def card_of(run: Run) -> Markup:
    """The card of a run that has left something; nothing for any other. What is in it fetches itself."""
    return html.card("Get the model", live.element("runs", "take", 3), id=PLACE) if can_be(run) else Markup()


def take_html(query: Mapping[str, str]) -> str:
    """Every way to take away what the run in the query has left."""
    try:
        subject = subjects.look_up(f"run:{query.get('run', '')}")
    except TunesmithError as error:
        return str(html.notice(error.message, error.hint, "warn"))
    folder = _copyable("Its folder on the studio's machine", f"take-folder-{subject.run.id}", str(subject.folder))
    parts = (_download(subject), folder, _loading(subject)), (_merge_form(subject), _made(subject.run.id))
    halves = html.join(Markup("<div>{}</div>").format(html.join(half)) for half in parts)
    return str(Markup('<div class="rn-take">{}</div>').format(halves))


def _download(subject: Subject) -> Markup:
    label = "Download adapter" if subject.weights == "adapter" else "Download model"
    size = html.size(exports.size_of(subject))
    return Markup(
        '<div class="ts-inline"><a class="ts-button" data-tone="primary" href="/api/runs/{}/download" download>{}</a>'
        '<span class="ts-note">{} as one .tar file, with tokenizer and model card</span></div>'
    ).format(subject.run.id, label, size)


def _copyable(title: str, id: str, text: str) -> Markup:
    copy = Markup('<button type="button" class="ts-button" data-copy="{}">Copy</button>').format(id)
    block = Markup('<pre class="ts-code" id="{}" tabindex="0">{}</pre>').format(id, text)
    heading = Markup("<h3>{}</h3>").format(title) if title else ""
    return Markup('<div>{}<div class="ts-copyable">{}{}</div></div>').format(heading, block, copy)


def _merge_form(subject: Subject) -> Markup:
    try:
        exports.refuse(subject, "merged")
    except TunesmithError as error:
        return Markup('<p class="ts-note">{}</p>').format(error)
    is_adapter = subject.weights == "adapter"
    title = "One model of base and adapter" if is_adapter else "The same in another precision"
    form = fields.form(
        "merge",
        subject.run.id,
        "Merge" if is_adapter else "Convert",
        fields.select("dtype", "Precision", [(name, DTYPES[name]) for name in get_args(Dtype)]),
    )
    return Markup("<div><h3>{}</h3>{}</div>").format(title, form)


def _made(run_id: str) -> Markup:
    """The merged models of a run, made or under way, the newest first."""
    rows = [exports.describe(*row) for row in exports.of_run(run_id) if row[0].kind == "merged"]
    if not rows:
        return Markup()
    return Markup('<ol class="dt-exports">{}</ol>').format(html.join(_item(row) for row in rows))


def _item(row: Mapping[str, Any]) -> Markup:
    name = f"Merged, {DTYPES[row['options']['dtype']]}" + ("" if "@" not in row["subject"] else f" ({row['subject']})")
    question = f"Delete the export “{name}” with its files?"
    if row["status"] in WORK_MOVING:
        state = html.progress(row["progress"], f"{name}: {row['stage'] or row['status'].value}")
        remove = html.button("Cancel", "delete-export", row["id"])
    elif row["status"] == WorkStatus.SUCCEEDED:
        href = f"/api/exports/{row['id']}/download"
        state = Markup('<a class="ts-button" href="{}" download>Download</a>').format(href)
        remove = html.button("Delete", "delete-export", row["id"], question, "danger")
    else:
        state = html.badge(row["status"], row["error"] or "")
        remove = html.button("Delete", "delete-export", row["id"], "", "danger")
    folder = _copyable("", f"take-{row['id']}", row["folder"]) if row["folder"] else ""
    return Markup('<li><div><b>{}</b><small>{}</small></div><div class="ts-actions">{}{}</div>{}</li>').format(
        name, _facts(row), state, remove, folder
    )


def _facts(row: Mapping[str, Any]) -> str:
    if row["status"] in WORK_MOVING:
        return str(row["stage"] or "waits for its turn")
    if row["status"] != WorkStatus.SUCCEEDED:
        return " ".join(filter(None, (row["error"], row["hint"])))
    exact = [] if row["parity"] is None else [f"answers as base and adapter do (parity {row['parity']:.1e})"]
    return " · ".join([html.size(row["size_bytes"]), *exact, *row["notes"]])


def _loading(subject: Subject) -> Markup:
    export_facts = facts.of(subject, "adapter" if subject.weights == "adapter" else "merged", measured=False)
    return _copyable("Load it in Python", f"take-code-{subject.run.id}", using.loading(export_facts))


def merge(run_id: str, values: Mapping[str, str]) -> None:
    """Begins a merge of what a run has left."""
    exports.create(f"run:{run_id}", "merged", {"dtype": values.get("dtype", "base")})
    toasts.done("The model is being made. Its download appears here.")


def delete(export_id: str, _values: Mapping[str, str]) -> None:
    """Removes an export, or cancels it."""
    exports.delete(export_id)
