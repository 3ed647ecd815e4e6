"""What the address of the list asks for: filters, order, columns, the chosen runs. All of it is pure."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from engine.runs import listing, views
from pages.parts import choosing
from storage.run_lists.wanted import Wanted
from storage.statuses import RUN_MOVING, RunStatus

Query = Mapping[str, str]
MOST_CHOSEN = 200
ALL = "all"  # in place of ids: whatever the filter finds
KEPT = (*views.KEYS, "chosen", "page")
FILTERS = ("q", "status", "method", "model", "dataset", "sweep", "tag", "when", "show")

STATUSES: dict[str, tuple[str, tuple[RunStatus, ...]]] = {
    "": ("every status", ()),
    "moving": ("in progress", RUN_MOVING),
    "succeeded": ("succeeded", (RunStatus.SUCCEEDED,)),
    "failed": ("failed", (RunStatus.FAILED,)),
    "stopped": ("stopped or interrupted", (RunStatus.STOPPED, RunStatus.INTERRUPTED)),
}
DAY = 86400.0
TIMES: dict[str, tuple[str, float | None]] = {
    "": ("any time", None),
    "day": ("last 24 hours", DAY),
    "week": ("last 7 days", 7 * DAY),
    "month": ("last 30 days", 30 * DAY),
}
SHOWN: dict[str, tuple[str, dict[str, Any]]] = {
    "": ("not archived", {"archived": False}),
    "favourites": ("favourites", {"favourite": True}),
    "archived": ("the archive", {"archived": True}),
    "all": ("all, with the archive", {}),
}


def wanted(query: Query) -> Wanted:
    """Raises RefusedError for an order that there is not; what a filter does not know counts as no filter."""
    seconds = TIMES.get(query.get("when", ""), TIMES[""])[1]
    return Wanted(
        project_id=query["project"],
        search=query.get("q", "").strip()[:120],
        statuses=STATUSES.get(query.get("status", ""), STATUSES[""])[1],
        method=query.get("method", "")[:40],
        model_id=query.get("model", "")[:64],
        dataset_id=query.get("dataset", "")[:64],
        sweep_id=query.get("sweep", "")[:64],
        tag=query.get("tag", "")[:120],
        since=None if seconds is None else time.time() - seconds,
        grouped=is_grouped(query),
        order=listing.order(query.get("sort") or listing.NEWEST),
        **SHOWN.get(query.get("show", ""), SHOWN[""])[1],
    )


def is_grouped(query: Query) -> bool:
    """Whether the trials of a sweep are one line: where nothing is looked for among them."""
    return not any(query.get(name) for name in (*FILTERS, "sort") if name != "show")


def is_filtered(query: Query) -> bool:
    return any(query.get(name) for name in FILTERS)


def chosen(query: Query) -> list[str]:
    return choosing.ids_of(query.get("chosen", ""), MOST_CHOSEN)


def choosable(query: Query) -> Wanted:
    """All that can be chosen: not what was archived or deleted since it was."""
    return Wanted(query["project"], **SHOWN.get(query.get("show", ""), SHOWN[""])[1])


def matching(query: Query) -> Wanted:
    """All runs that the list is filtered to, on any page: the trials of sweeps too, which stand in one line."""
    return replace(wanted({**query, "sort": ""}), grouped=False)


def matching_as_id(query: Query) -> str:
    """The same as a button carries it, in place of ids."""
    return f"{ALL}?{urlencode({'project': query['project'], **dict(parse_qsl(view_query(query)))})}"


def matching_of_id(text: str) -> Wanted | None:
    """Back again; None of ids."""
    kind, _, asked_for = text.partition("?")
    return matching(dict(parse_qsl(asked_for))) if kind == ALL and asked_for else None


def is_all_chosen(query: Query) -> bool:
    return query.get("chosen") == ALL


def address(query: Query, **changed: str | Sequence[str]) -> str:
    """The list as it is, with other values of some parameters."""
    new = {name: value if isinstance(value, str) else ",".join(value) for name, value in changed.items()}
    kept = {name: query.get(name, "") for name in KEPT} | new
    text = urlencode({name: value for name, value in kept.items() if value}, safe=",:")
    return f"/runs?{text}" if text else "/runs"


def view_query(query: Query) -> str:
    """What a saved view of this list keeps."""
    return urlencode({name: query[name] for name in views.KEYS if query.get(name)})
