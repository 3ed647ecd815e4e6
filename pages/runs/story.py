"""What became of a run: what it told and what the studio changed by itself, what it began with, its checkpoints."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from engine.errors import TunesmithError
from engine.recipes import continuation
from engine.runs import runs
from pages.parts import html
from storage.tables import Run


def notes_card(run: Run) -> Markup:
    """The notes of the run, the newest last, and what differs from its recipe by now; nothing when there is neither."""
    notes, changed = run.facts.notes, run.facts.adjustments
    if not notes and not changed:
        return Markup()
    lines = html.join(Markup("<li>{}</li>").format(note) for note in notes)
    return html.card("What happened", _changed(run, changed), Markup('<ul class="ts-told">{}</ul>').format(lines))


def _changed(run: Run, changed: Mapping[str, Any]) -> Markup:
    if not changed:
        return Markup()
    words = ", ".join(f"{name} {_word(value)} ({_word(run.recipe.get(name))})" for name, value in changed.items())
    message = "Changed to save memory; the recipe is kept as it was."
    return html.notice(message, f"Now, and before: {words}.", "calm")


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "automatic" if value is None else str(value)


def lineage(run: Run) -> Markup:
    """The run whose weights this one began with, and the runs that began with its own."""
    ancestor_id, ancestor = str(run.recipe.get("start_from") or ""), continuation.ancestor(run)
    descendants = continuation.descendants(run)
    if not ancestor_id and not descendants:
        return Markup()
    lines = []
    if ancestor_id:
        start = _link(ancestor) if ancestor else Markup("the run {}, which was deleted").format(ancestor_id)
        lines.append(Markup("<li>Began with {}</li>").format(start))
    lines += [Markup("<li>Trained further in {}</li>").format(_link(descendant)) for descendant in descendants]
    return html.card("Lineage", Markup('<ul class="ts-told">{}</ul>').format(html.join(lines)))


def _link(run: Run) -> Markup:
    method = run.recipe.get("method", "")
    return Markup("{} <small>{}</small>").format(html.link(run.name, f"/runs?run={run.id}", soft=True), method)


def checkpoints_html(query: Mapping[str, str]) -> str:
    """The checkpoints of the run in the query: step, losses, size, and which is the newest, the best, or damaged."""
    try:
        checkpoints = runs.checkpoints(query.get("run", ""))
    except TunesmithError:
        checkpoints = []
    if not checkpoints:
        return str(Markup('<p class="ts-hint">None yet. One is written every few steps, and when you press Stop.</p>'))
    measured = any(checkpoint["eval_loss"] is not None for checkpoint in checkpoints)
    held_out = (html.Header("Held out", "number"),) if measured else ()
    headers = ("Checkpoint", html.Header("Loss", "number"), *held_out, "State")
    rows = [html.Row(_cells(checkpoint, measured)) for checkpoint in reversed(checkpoints)]
    return str(html.table(headers, rows, "Checkpoints"))


def _cells(checkpoint: Mapping[str, Any], measured: bool) -> tuple[object, ...]:
    name = Markup('<span class="ts-step">step {}<small>{}</small></span>').format(
        f"{checkpoint['step']:,}", html.size(checkpoint["size_bytes"])
    )
    held_out = (html.number(checkpoint["eval_loss"]),) if measured else ()
    return name, html.number(checkpoint["loss"]), *held_out, _marks(checkpoint)


def _marks(checkpoint: Mapping[str, Any]) -> Markup:
    """Best and newest, of those that can be resumed from; else whether it can be."""
    marks = [word for word in ("best", "newest") if checkpoint[word]]
    if not marks:
        return html.badge("ready" if checkpoint["good"] else "damaged")
    badges = html.join(Markup('<span class="ts-mark" data-mark="{}">{}</span>').format(word, word) for word in marks)
    return Markup('<span class="ts-marks">{}</span>').format(badges)
