"""What the buttons of the list and of a run's marks do, and the bar that takes it back."""

from collections.abc import Callable, Mapping

from markupsafe import Markup

from engine.errors import RefusedError
from engine.runs import bulk, changes, views
from engine.runs.bulk import Action
from engine.runs.changes import Change
from pages.parts import html, toasts
from pages.runs.listing import asked

Act = Callable[[str, Mapping[str, str]], object]
MOST_SHOWN = 3


def undo_bar(project_id: str) -> Markup:
    """What was done in the last half minute, each with a button that takes it back."""
    lines = html.join(
        Markup('<div class="ts-notice rn-undo" data-tone="calm" role="status"><bdi>{}.</bdi>{}</div>').format(
            row.words, html.button("Undo", "undo", row.id)
        )
        for row in changes.can_be_undone(project_id)[:MOST_SHOWN]
    )
    return lines


def _with_chosen(action: Action) -> Act:
    """Does it with the chosen runs, or with all that the filter finds; what was refused is said."""

    def act(ids: str, values: Mapping[str, str]) -> None:
        which, tag = asked.matching_of_id(ids), values.get("tag", "")
        if which is not None:
            outcome = bulk.act_on_matching(action, which, tag)
        else:
            outcome = bulk.act_on(action, [one for one in ids.split(",") if one], tag)
        if outcome.refused:
            first = outcome.refused[0]["message"]
            count = f"{len(outcome.refused)} of {len(outcome.done) + len(outcome.refused)} runs were left as they are."
            raise RefusedError(count, first)

    return act


def _tags(run_id: str, values: Mapping[str, str]) -> None:
    changes.change(run_id, Change(tags=values.get("tags", "").split(",")))


def _undo(undo_id: str, _values: Mapping[str, str]) -> None:
    words, restored = changes.undo(undo_id)
    toasts.done(f"Undone: {words}." if restored else "It was changed again since then, so nothing was undone.")


def _save_view(project_id: str, values: Mapping[str, str]) -> None:
    view = views.save(project_id, values.get("name", ""), values.get("query", ""))
    toasts.done(f"{view.name} is saved.")


ACTS: dict[str, Act] = {
    "favourite": lambda id, _: changes.change(id, Change(favourite=True)),
    "unfavourite": lambda id, _: changes.change(id, Change(favourite=False)),
    "archive": lambda id, _: changes.change(id, Change(archived=True)),
    "unarchive": lambda id, _: changes.change(id, Change(archived=False)),
    "note": lambda id, values: changes.change(id, Change(note=values.get("note", ""))),
    "tags": _tags,
    "undo": _undo,
    "save-view": _save_view,
    "delete-view": lambda id, _: views.delete(id),
    **{f"all-{action}": _with_chosen(action) for action in ("stop", "delete", "archive", "unarchive", "favourite")},
    "all-tag": _with_chosen("tag"),
    "all-untag": _with_chosen("untag"),
}
