"""The same done with many runs at once: stopped, deleted, archived, marked as favourite, tagged.

They are named by ids, or as all that a list would show. Every transaction is about PART runs at most, so that nobody
waits long for the write lock; the parts are taken back as one.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine import names
from engine.errors import RefusedError, TunesmithError
from engine.existing import existing
from engine.runs import changes, deleting, runs
from storage import db
from storage.run_lists import undo, wanted
from storage.run_lists.wanted import Wanted
from storage.statuses import RUN_MOVING
from storage.tables import Run, new_id

MOST_AT_ONCE = 1000  # named by ids
MOST_MATCHING = 100_000  # that a list shows
PART = 250  # in one transaction
RUNS_A_SECOND = 100  # at the least, when it is said until when all can be undone

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


def act_on(action: Action, run_ids: Sequence[str], tag: str = "", most: int = MOST_AT_ONCE) -> Outcome:
    """Does the same with several runs of a studio; what one refuses does not keep the others from it.

    Raises RefusedError for no run, more than `most` of them, or a tag that cannot be kept.
    """
    ids = list(dict.fromkeys(run_ids))
    if not 1 <= len(ids) <= most:
        raise RefusedError(f"{len(ids)} runs cannot be changed at once.", f"Name 1 to {most} runs.")
    return _act(action, ids, tag)


def act_on_matching(action: Action, which: Wanted, tag: str = "") -> Outcome:
    """The same with all runs that a list shows now, on whatever page; those that come later are left alone.

    Raises RefusedError for more than MOST_MATCHING of them, or a tag that cannot be kept.
    """
    return _act(action, matching(which), tag)


def matching(which: Wanted) -> list[str]:
    """Ids of all runs that a list shows now. Raises RefusedError for more than MOST_MATCHING of them."""
    with db.reading() as session:
        ids = wanted.ids(session, which, MOST_MATCHING + 1)
    if len(ids) > MOST_MATCHING:
        raise RefusedError(f"More than {MOST_MATCHING:,} runs match.", "Filter further, such as by time.")
    return list(ids)


def _act(action: Action, ids: Sequence[str], tag: str) -> Outcome:
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
    """Part by part. All that is kept for the undo has one time, so that the first part is there as long as the last."""
    outcome = Outcome()
    late = len(ids) / RUNS_A_SECOND if len(ids) > PART else 0
    undoable = changes.Undoable(new_id(), time.time() + late)
    for start in range(0, len(ids), PART):
        _change_part(action, ids[start : start + PART], tags, outcome, undoable)
    return Outcome(outcome.done, outcome.refused, undoable.id if undoable.parts else None)


def _change_part(
    action: Action, ids: Sequence[str], tags: list[str], outcome: Outcome, undoable: changes.Undoable
) -> None:
    """In one transaction, with what takes it back."""
    changed, reports, names_of = dict[str, changes.Before](), list[str](), list[str]()
    with db.session() as session:
        _held = undo.runs_of(session, ids)  # so that none is asked for alone
        looks = deleting.need_a_look(session, ids) if action == "delete" else ()
        for run_id in ids:
            try:
                run = existing(session, Run, run_id)
                if action == "delete":
                    if run.id in looks or run.status in RUN_MOVING:
                        deleting.refuse(session, run)
                    changed[run.id], stopped = deleting.mark(session, run, undoable.at, run.id in looks)
                    reports += stopped
                else:
                    changed[run.id] = changes.set_values(run, _wanted(action, run, tags))
            except TunesmithError as error:
                outcome.refused.append({"id": run_id, "message": str(error)})
            else:
                outcome.done.append(run.id)
                names_of.append(run.name)
        if changed:
            words = f"{len(outcome.done):,} runs" if len(outcome.done) > 1 else names_of[0]
            project_id = existing(session, Run, next(iter(changed))).project_id
            undoable.remember(session, project_id, f"{words} {_DONE[action]}", changed)
    deleting.end_reports(reports)


def _wanted(action: Action, run: Run, tags: list[str]) -> dict[str, Any]:
    if action in _FLAGS:
        column, value = _FLAGS[action]
        return {column: value}
    others = [tag for tag in run.tags if tag not in tags]
    return {"tags": names.checked_tags([*run.tags, *tags], "run") if action == "tag" else others}
