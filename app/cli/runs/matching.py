"""Which runs a command is about: those named, or all that `run list` shows with the same words."""

import datetime
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any

import typer

from app.cli.called import RUN, dataset_id, model_id, project_id
from engine import called
from engine.errors import RefusedError
from engine.runs import bulk
from storage.run_lists.wanted import Wanted
from storage.statuses import RunStatus
from storage.tables import Sweep

WHERE = {
    "status": "statuses", "method": "method", "model": "model_id", "dataset": "dataset_id", "sweep": "sweep_id",
    "tag": "tag", "project": "project_id", "since": "since", "until": "until",
}  # fmt: skip


class Shown(StrEnum):
    """Which of the archive and of the favourites."""

    USUAL = "usual"
    FAVOURITES = "favourites"
    ARCHIVED = "archived"
    ALL = "all"


FLAGS: dict[Shown, dict[str, Any]] = {
    Shown.USUAL: {"archived": False}, Shown.FAVOURITES: {"favourite": True}, Shown.ARCHIVED: {"archived": True},
    Shown.ALL: {},
}  # fmt: skip

_ONLY = f"can be given several times. NAME: {', '.join(WHERE)} (times as 2026-11-30 or 2026-11-30T18:00)."
Where = Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help=f"Only such runs; {_ONLY}")]
AnyRuns = Annotated[
    list[str] | None,
    typer.Argument(help="Names or ids of runs; or --where, --search or --show for all that match.",
                   **RUN | {"metavar": "[RUN]..."}),
]  # fmt: skip
Every = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="NAME=VALUE", help=f"In place of names: all such runs; {_ONLY}"),
]
Search = Annotated[
    str | None, typer.Option(metavar="WORDS", help="In place of names: all with these words in name, tag or note.")
]
Which = Annotated[
    Shown | None, typer.Option(help="In place of names: all of these. The archive is left out unless this says so.")
]


def wanted(where: Sequence[str], search: str, show: Shown, **more: Any) -> Wanted:
    """The filter of a list. Raises RefusedError for a NAME=VALUE that is none, NotFoundError for a name in one."""
    values: dict[str, Any] = {}
    for pair in where:
        name, _, value = pair.partition("=")
        if name not in WHERE or not value or (name == "status" and value not in list(RunStatus)):
            hint = f"Write NAME=VALUE with one of {', '.join(WHERE)}; status is one of {', '.join(RunStatus)}."
            raise RefusedError(f"{pair[:60]!r} cannot filter runs.", hint)
        if name == "status":
            values["statuses"] = (*values.get("statuses", ()), RunStatus(value))
        else:
            values[WHERE[name]] = READ[name](value) if name in READ else value
    return Wanted(search=search, **FLAGS[show], **values, **more)


def _sweep_id(text: str) -> str:
    return called.id_of(Sweep, text)


def _time(text: str) -> float:
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise RefusedError(f"{text[:40]!r} is not a time.", "Write 2026-11-30, or 2026-11-30T18:00.") from None


READ = {
    "model": model_id, "dataset": dataset_id, "project": project_id, "sweep": _sweep_id, "since": _time,
    "until": _time,
}  # fmt: skip


def chosen(
    run_ids: Sequence[str] | None,
    where: Sequence[str] | None,
    search: str | None,
    show: Shown | None,
    only: tuple[RunStatus, ...] = (),
) -> list[str]:
    """The runs that are named, or those that match; of these `only` some, unless the filter has statuses of its own.

    Raises RefusedError where both are given, neither, or all runs there are would match.
    """
    if run_ids and (where or search or show):
        raise RefusedError("Runs are named and filtered at once.", "Name runs, or give --where, --search or --show.")
    if run_ids:
        return list(run_ids)
    if not where and not search and show in (None, Shown.ALL):
        raise RefusedError("No run is named.", "Name runs, or give --where, --search or --show for all that match.")
    which = wanted(where or (), search or "", show or Shown.USUAL)
    return bulk.matching(which if which.statuses else replace(which, statuses=only))
