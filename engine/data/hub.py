"""Datasets and the hub: what a repository has to choose from, and a dataset of the studio pushed there.

Both are work done by a process of its own (engine.workers.data.hub_splits, push_data): the token and a hub that does
not answer stay out of the studio. A token is handed on in the worker's environment and kept nowhere.
"""

import re
import time
from typing import Any

from engine import names
from engine.data import datasets, hub_names
from engine.errors import ConflictError, RefusedError, TunesmithError
from engine.process import events, hub_token, work
from storage.statuses import WORK_MOVING, DatasetStatus, WorkStatus
from storage.tables import Dataset, Work

LOOK_SECONDS = 15.0
AWAY_SECONDS = 60.0  # so long a hub that could not be reached is taken to be away
LOOK, PUSH = "look_data", "push_data"
SPLIT = re.compile(r"\w+(?:\.\w+)*")
_SOURCES = {"upload": "An uploaded file", "path": "A file", "paste": "Pasted text", "lesson": "The first lesson",
            "lesson-report": "The first lesson"}  # fmt: skip


class HubAwayError(TunesmithError):
    """The hub cannot be reached, whatever was asked for."""


def look(hub_id: str, revision: str | None = None, seconds: float = LOOK_SECONDS) -> dict[str, Any]:
    """What there is to choose: {"id", "revision", "configs": [{"name", "splits", "files", "bytes"}], "default"}.

    Raises RefusedError, HubAwayError, or TunesmithError with the hub's answer.
    """
    source = hub_names.hub_source(hub_id, revision=revision)
    spec = {"id": source["id"], "revision": source["revision"]}
    finished = work.wait(work.start(LOOK, f"hub:{source['id']}", spec).id, seconds)
    if finished.status == WorkStatus.SUCCEEDED:
        return finished.result
    if finished.status in WORK_MOVING:
        raise TunesmithError("The hub has not answered yet.", "Try again in a moment.")
    raise _refusal(finished)


def away(hub_id: str) -> HubAwayError | None:
    """What the newest look that has ended said, when that was just now and the hub could not be reached."""
    ended = (look for look in work.about(f"hub:{hub_id}", LOOK) if look.status not in WORK_MOVING)
    newest = next(ended, None)
    if newest is None or newest.status != WorkStatus.FAILED or time.time() - (newest.ended_at or 0) > AWAY_SECONDS:
        return None
    refusal = _refusal(newest)
    return refusal if isinstance(refusal, HubAwayError) else None


def _refusal(failed: Work) -> TunesmithError:
    told, _ = events.read(work.folder(failed), 0)
    by_network = any(isinstance(event, events.Failed) and event.category == "network" for event in told)
    refusal = HubAwayError if by_network else TunesmithError
    return refusal(failed.error or "The hub did not answer.", failed.hint or "Try again.")


def push(dataset_id: str, repo_id: str, token: str = "", private: bool = True, split: str = "train") -> Work:
    """Begins to push a dataset to the repository `owner/name`, made when there is none.

    Without `token` the studio's own is used. Raises NotFoundError, ConflictError, RefusedError.
    """
    dataset = datasets.look_up(dataset_id)
    repo = names.hub_id(repo_id, "dataset", with_owner=True)
    _check(dataset, split)
    known_token = hub_token.for_push(token)
    under_way = latest_push(dataset_id)
    if under_way is not None and under_way.status in WORK_MOVING:
        raise ConflictError(f"`{dataset.name}` is being pushed already.", "Wait until that is done.")
    spec = {
        "rows": str(datasets.blob(dataset)),
        "repo": repo,
        "private": private,
        "split": split,
        "facts": facts(dataset),
        "asked_at": time.time(),  # to push again is new work, even when nothing else has changed
    }
    return work.start(PUSH, dataset_id, spec, {hub_token.VARIABLE: known_token})


def _check(dataset: Dataset, split: str) -> None:
    if dataset.status != DatasetStatus.READY or not dataset.train_rows:
        raise ConflictError(f"Dataset `{dataset.name}` has no rows to push.", "Wait for its import, or see its errors.")
    if not SPLIT.fullmatch(split) or len(split) > 40:
        raise RefusedError(f"{split!r:.60} cannot be a split.", "Use train, validation or test.")


def latest_push(dataset_id: str) -> Work | None:
    """The newest push of a dataset, whatever became of it."""
    return work.latest(dataset_id, PUSH)


def facts(dataset: Dataset) -> dict[str, Any]:
    """What the card on the hub says about a dataset."""
    counts = {name: getattr(dataset, name) for name in ("rows", "accepted", "repaired", "rejected")}
    return {"name": dataset.name, "kind": dataset.kind, **counts, "lineage": lineage(dataset)}


def lineage(dataset: Dataset) -> list[str]:
    """Where a dataset comes from and how it was made, in lines of plain text."""
    lines = [_came_from(dataset)]
    if dataset.parents:
        lines.append(f"Made from {', '.join(map(_name_of, dataset.parents))}.")
    if dataset.operation:
        options = ", ".join(f"{name} {value}" for name, value in dataset.operation.items() if name != "op")
        lines.append(f"By: {dataset.operation.get('op', 'a change')}{f' ({options:.200})' if options else ''}.")
    if dataset.format:
        lines.append(f"Format of the source: {dataset.format.replace('_', ' ')}.")
    return lines


def _came_from(dataset: Dataset) -> str:
    if dataset.source == "hub":
        origin = dataset.origin or {"id": dataset.source_name}
        details = ", ".join(f"{name} {origin[name]}" for name in ("config", "split", "revision") if origin.get(name))
        return f"The hub dataset {origin.get('id')}{f' ({details})' if details else ''}."
    if dataset.source in _SOURCES:
        return f"{_SOURCES[dataset.source]}: {dataset.source_name}."
    return "Made in the studio."


def _name_of(dataset_id: str) -> str:
    try:
        return datasets.look_up(dataset_id).name
    except TunesmithError:
        return "a dataset that is gone"
