"""What became of a run: what it told and what the studio changed by itself, what it began with."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from engine.recipes import continuation
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
