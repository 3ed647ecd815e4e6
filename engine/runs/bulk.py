"""The same done with many runs at once: stopped, deleted, archived, marked as favourite, tagged."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine import names
from engine.errors import RefusedError, TunesmithError
from engine.existing import existing
from engine.runs import changes, deleting, runs
from storage import db
from storage.tables import Run

MOST_AT_ONCE = 1000

Action = Literal["stop", "delete", "archive", "unarchive", "favourite", "unfavourite", "tag", "untag"]

_DONE: dict[str, str] = {
    "archive": "archived", "unarchive": "taken out of the archive", "favourite": "marked as favourite",
    "unfavourite": "no favourite any more", "delete": "deleted", "tag": "tagged", "untag": "without the tag",
}  # fmt: skip
_FLAGS: dict[str, tuple[str, bool]] = {
    "archive": ("archived", True), "unarchive": ("archived", False),
    "favourite": ("favourite", True), "unfavourite": ("favourite", False),
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What was done with several runs, why not with others, and how to take it back (None: nothing to)."""

    done: list[str] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)
    undo: str | None = None


def act_on(action: Action, run_ids: Sequence[str], tag: str = "") -> Outcome:
    """Does the same with several runs of a studio; what one refuses does not keep the others from it.

    Raises RefusedError for no run, too many of them, or a tag that cannot be kept.
    """
    ids = list(dict.fromkeys(run_ids))
    if not 1 <= len(ids) <= MOST_AT_ONCE:
        raise RefusedError(f"{len(ids)} runs cannot be changed at once.", f"Name 1 to {MOST_AT_ONCE} runs.")
    tags = names.checked_tags([tag], "run")
    if action in ("tag", "untag") and not tags:
        raise RefusedError("No tag is named.", "Write the tag.")
    return _stop(ids) if action == "stop" else _change_all(action, ids, tags)


def _stop(ids: Sequence[str]) -> Outcome:
    outcome = Outcome()
    for run_id in ids:
        try:
            runs.stop_run(run_id)
            outcome.done.append(run_id)
        except TunesmithError as error:
            outcome.refused.append({"id": run_id, "message": str(error)})
    return outcome


def _change_all(action: Action, ids: Sequence[str], tags: list[str]) -> Outcome:
    """In one transaction, so that it is undone as one."""
    outcome, changed, reports = Outcome(), dict[str, changes.Before](), list[str]()
    with db.session() as session:
        changed_runs: list[Run] = []
        for run_id in ids:
            try:
                run = existing(session, Run, run_id)
                if action == "delete":
                    deleting.refuse(session, run)
                    changed[run.id], stopped = deleting.mark(session, run)
                    reports += stopped
                else:
                    changed[run.id] = changes.set_values(run, _wanted(action, run, tags))
            except TunesmithError as error:
                outcome.refused.append({"id": run_id, "message": str(error)})
            else:
                changed_runs.append(run)
        words = changed_runs[0].name if len(changed_runs) == 1 else f"{len(changed_runs)} runs"
        outcome.done.extend(run.id for run in changed_runs)
        undo_id = (
            changes.remember(session, changed_runs[0].project_id, f"{words} {_DONE[action]}", changed)
            if changed_runs
            else None
        )
    deleting.end_reports(reports)
    return Outcome(outcome.done, outcome.refused, undo_id)


def _wanted(action: Action, run: Run, tags: list[str]) -> dict[str, Any]:
    if action in _FLAGS:
        column, value = _FLAGS[action]
        return {column: value}
    others = [tag for tag in run.tags if tag not in tags]
    return {"tags": names.checked_tags([*run.tags, *tags], "run") if action == "tag" else others}
