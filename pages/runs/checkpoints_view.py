"""The checkpoints of a run, and what can be done with each: chat, serve, evaluate, export, delete it alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from engine.errors import TunesmithError
from engine.exports import exports
from engine.runs import checkpoint_deleting, runs
from engine.serve import adapter_files, adapter_names, endpoints
from pages.parts import fields, html, toasts
from pages.runs import take
from storage import db
from storage import endpoints as stored
from storage.statuses import RUN_MOVING
from storage.tables import Run

NONE = "None yet. One is written every few steps, and when you press Stop."
LATER = "They can be served, asked, exported and deleted once the run has ended: until then they come and go."
KINDS = {
    "adapter": ("the adapter, as it is", "adapter", {}),
    "merged": ("one model, merged with its base", "merged", {"dtype": "base"}),
    "q8_0": ("GGUF, q8_0", "gguf", {"type": "q8_0"}),
    "Q4_K_M": ("GGUF, Q4_K_M", "gguf", {"type": "Q4_K_M"}),
}
Checkpoint = Mapping[str, Any]


def checkpoints_html(query: Mapping[str, str]) -> str:
    """The checkpoints of the run in the query, the newest first, and what was made of them."""
    try:
        run = runs.look_up(query.get("run", ""))
        listed = runs.checkpoints(run.id)
    except TunesmithError:
        return str(Markup('<p class="ts-hint">{}</p>').format(NONE))
    if not listed:
        return str(Markup('<p class="ts-hint">{}</p>').format(NONE) + take.made_of_checkpoints(run))
    measured = any(checkpoint["eval_loss"] is not None for checkpoint in listed)
    held_out = (html.Header("Held out", "number"),) if measured else ()
    headers = ("Checkpoint", html.Header("Loss", "number"), *held_out, "State", html.Header("Actions", "actions"))
    answering = _answering(run)
    rows = [_row(run, listed, checkpoint, measured, answering) for checkpoint in reversed(listed)]
    later = Markup('<p class="ts-note">{}</p>').format(LATER) if run.status in RUN_MOVING else ""
    return str(html.join((html.table(headers, rows, "Checkpoints"), later, take.made_of_checkpoints(run))))


def _answering(run: Run) -> Mapping[str, str]:
    """Subject -> a name on /v1 that answers with it now."""
    with db.reading() as session:
        routes = stored.routes(session)
    return {
        subject: adapter_names.names_of(endpoint.name, backend.adapters, subject)[0]
        for endpoint, backend in routes
        for subject in adapter_names.subjects(backend.adapters)
        if subject.partition("@")[0] == run.id
    }


def _row(
    run: Run, listed: Sequence[dict[str, Any]], checkpoint: Checkpoint, measured: bool, answering: Mapping[str, str]
) -> html.Row:
    name = Markup('<span class="ts-step">step {}<small>{}</small></span>').format(
        f"{checkpoint['step']:,}", html.size(checkpoint["size_bytes"])
    )
    held_out = (html.number(checkpoint["eval_loss"]),) if measured else ()
    subject = adapter_names.subject(run.id, checkpoint["step"])
    actions = Markup() if run.status in RUN_MOVING else _actions(run, listed, checkpoint, answering.get(subject))
    return html.Row((name, html.number(checkpoint["loss"]), *held_out, _marks(checkpoint), actions), id=subject)


def _marks(checkpoint: Checkpoint) -> Markup:
    """Best and newest, of those that can be resumed from; else whether it can be."""
    marks = [word for word in ("best", "newest") if checkpoint[word]]
    if not marks:
        return html.badge("ready" if checkpoint["good"] else "damaged")
    badges = html.join(Markup('<span class="ts-mark" data-mark="{}">{}</span>').format(word, word) for word in marks)
    return Markup('<span class="ts-marks">{}</span>').format(badges)


def _actions(run: Run, listed: Sequence[dict[str, Any]], checkpoint: Checkpoint, answering: str | None) -> Markup:
    step = checkpoint["step"]
    goes = checkpoint_deleting.what_goes(run, listed, step)
    question = " ".join(filter(None, (f"Delete the checkpoint of step {step:,}?", goes, "It cannot be undone.")))
    delete = html.button("Delete", "delete-checkpoint", adapter_names.subject(run.id, step), question, "danger")
    uses = _uses(run, step, answering) if checkpoint["good"] else Markup()
    return Markup('<div class="rn-acts">{}{}</div>').format(uses, delete)


def _uses(run: Run, step: int, answering: str | None) -> Markup:
    """What only weights that can be opened are good for; else why they are good for nothing but a resume."""
    subject = adapter_names.subject(run.id, step)
    try:
        weights = adapter_files.to_serve(subject).weights
    except TunesmithError as error:
        return Markup('<small title="{}">only to resume from</small>').format(error)
    chat = html.link_button("Chat", f"/chat?endpoint={answering}", primary=True) if answering else ""
    serve = "" if answering else html.button("Serve", "serve-checkpoint", subject)
    evaluate = html.link_button("Evaluate", f"/evaluate?subject=run:{subject}")
    kinds = [(name, words) for name, (words, kind, _) in KINDS.items() if weights == "adapter" or kind != "adapter"]
    form = fields.form("export-checkpoint", subject, "Export", fields.select("kind", "Export as", kinds))
    folded = Markup('<details data-key="export-{}"><summary class="ts-button">Export</summary>{}</details>')
    return html.join((chat, serve, evaluate, folded.format(step, form)))


def serve(subject: str, _values: Mapping[str, str]) -> None:
    """Starts an endpoint for a checkpoint, RUN@STEP, or wakes the one there is."""
    endpoint = endpoints.serve_run(subject)
    toasts.done(f"{endpoint.name} is starting.", f"See {endpoint.name} on the Serve page", "/serve")


def export(subject: str, values: Mapping[str, str]) -> None:
    """Begins an export of a checkpoint; an adapter is ready at once."""
    _, kind, options = KINDS.get(values.get("kind", ""), KINDS["merged"])
    exports.create(f"run:{subject}", kind, options)
    toasts.done("The export is listed on this tab, with its download.")


def delete(subject: str, _values: Mapping[str, str]) -> None:
    """Deletes one checkpoint for good."""
    run_id, _, step = subject.partition("@")
    gone = checkpoint_deleting.delete(run_id, int(step) if step.isdecimal() else 0)
    toasts.done(f"The checkpoint of step {gone['step']:,} was deleted: {html.size(gone['size_bytes'])} less.")


ACTS = {"serve-checkpoint": serve, "export-checkpoint": export, "delete-checkpoint": delete}
