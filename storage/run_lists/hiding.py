"""What was deleted and can still be had back: runs, hidden with their exports and reports; datasets; models; chats,
hidden with their turns; single turns; snippets; evaluations; sweeps.

Who has to see them (the removal, the undo, who asks whether a folder belongs to somebody) says so by SEEING.
"""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy
from sqlalchemy import and_, delete, event, or_
from sqlalchemy.orm import ORMExecuteState, with_loader_criteria
from sqlalchemy.sql import visitors
from sqlalchemy.sql.base import Executable
from sqlmodel import Session, col

from storage.statuses import WORK_MOVING
from storage.tables import (
    Chat,
    Dataset,
    Evaluation,
    Export,
    Message,
    Metric,
    MetricSummary,
    Model,
    ModelVersion,
    Run,
    Snippet,
    Sweep,
    Work,
)

SEEING = {"sees_deleted_runs": True}
"""Execution options of a query that sees them."""

# Core's table, not the class: the criterion on runs would be laid over this query too, and empty it.
_TABLE = Run.__table__  # type: ignore[attr-defined]
_HIDDEN_IDS = sqlalchemy.select(_TABLE.c.id).where(_TABLE.c.deleted_at.is_not(None))


def _there(table: Any) -> Any:
    """Not among the hidden rows of its own table, by their index: the end of a long row need not be read for it."""
    core = table.__table__
    return col(table.id).not_in(sqlalchemy.select(core.c.id).where(core.c.deleted_at.is_not(None)))


_CHATS = Chat.__table__  # type: ignore[attr-defined]
_HIDDEN_CHATS = sqlalchemy.select(_CHATS.c.id).where(_CHATS.c.deleted_at.is_not(None))
# Each criterion makes a statement slower, so those alone are laid that say something of the tables it names.
_CRITERIA: dict[str, Any] = {
    "run": with_loader_criteria(Run, col(Run.deleted_at).is_(None), include_aliases=True),
    "export": with_loader_criteria(Export, col(Export.run_id).not_in(_HIDDEN_IDS), include_aliases=True),
    "evaluation": with_loader_criteria(
        Evaluation,
        and_(or_(col(Evaluation.run_id).is_(None), col(Evaluation.run_id).not_in(_HIDDEN_IDS)), _there(Evaluation)),
        include_aliases=True,
    ),
    "message": with_loader_criteria(
        Message, and_(_there(Message), col(Message.chat_id).not_in(_HIDDEN_CHATS)), include_aliases=True
    ),
    "chat": with_loader_criteria(Chat, _there(Chat), include_aliases=True),
    "snippet": with_loader_criteria(Snippet, _there(Snippet), include_aliases=True),
    "sweep": with_loader_criteria(Sweep, _there(Sweep), include_aliases=True),
}
# Laid only over queries for datasets or models themselves, not over those that only look up a name.
_CRITERIA_OF: dict[type[Any], Any] = {
    table: with_loader_criteria(table, col(table.deleted_at).is_(None), include_aliases=True)
    for table in (Dataset, Model)
}
# A statement that a module keeps is looked at once: to do it takes as long as to ask it. None: it stays as it is, as
# a value that holds its own key would keep every statement for ever.
_ready: WeakKeyDictionary[Executable, Executable | None] = WeakKeyDictionary()


def _of_what_is_named(statement: Any) -> list[Any]:
    """For the tables that it names anywhere: in a join, under another name, in a query within it."""
    names = {part.name for part in visitors.iterate(statement) if isinstance(part, sqlalchemy.Table)}
    return [criterion for name, criterion in _CRITERIA.items() if name in names]


def _of_what_is_asked(state: ORMExecuteState) -> list[Any]:
    asked = {mapper.class_ for mapper in state.all_mappers}
    if not asked and state.bind_mapper is not None:  # it counts, and so names a table but no column of it
        asked = {state.bind_mapper.class_}
    return [criterion for table, criterion in _CRITERIA_OF.items() if table in asked]


@event.listens_for(Session, "do_orm_execute")
def _hide(state: ORMExecuteState) -> None:
    if not state.is_select or state.is_column_load or state.execution_options.get("sees_deleted_runs"):
        return
    statement = state.statement
    if statement not in _ready:
        criteria = (*_of_what_is_named(statement), *_of_what_is_asked(state))
        _ready[statement] = statement.options(*criteria) if criteria else None
    if (ready := _ready[statement]) is not None:
        state.statement = ready


def held(session: Session, run_ids: Sequence[str]) -> set[str]:
    """Those of the ids that a version holds, that are being exported, or whose report is on its way."""
    on_its_way = sqlalchemy.select(col(Evaluation.run_id)).where(col(Evaluation.status).in_(WORK_MOVING))
    exported = sqlalchemy.select(col(Export.run_id)).join(Work, col(Work.id) == col(Export.work_id))
    queries = (
        sqlalchemy.select(col(ModelVersion.run_id)).where(col(ModelVersion.run_id).in_(run_ids)),
        exported.where(col(Export.run_id).in_(run_ids), col(Work.status).in_(WORK_MOVING)),
        on_its_way.where(col(Evaluation.run_id).in_(run_ids)),
    )
    return {str(run_id) for query in queries for run_id in session.scalars(query)}


def due(session: Session, before: float) -> list[Run]:
    """Hidden runs that were deleted before a time."""
    query = sqlalchemy.select(Run).where(col(Run.deleted_at) < before).order_by(col(Run.deleted_at)).limit(20)
    return list(session.scalars(query, execution_options=SEEING))


def drop_hidden(session: Session, column: str, value: str) -> None:
    """Forgets for good the hidden runs of a model or dataset that is being deleted: they would hold it."""
    query = sqlalchemy.select(_TABLE.c.id).where(_TABLE.c.deleted_at.is_not(None), _TABLE.c[column] == value)
    drop(session, list(session.connection().scalars(query)))


def drop(session: Session, run_ids: list[str]) -> list[str]:
    """Forgets runs for good, with their metrics, exports and reports; returns the ids of the reports."""
    if not run_ids:
        return []
    of_them = sqlalchemy.select(Evaluation.id).where(col(Evaluation.run_id).in_(run_ids))  # type: ignore[call-overload]
    report_ids = [str(report_id) for report_id in session.scalars(of_them, execution_options=SEEING)]
    for table in (Metric, MetricSummary, Export, Evaluation):
        session.execute(delete(table).where(col(table.run_id).in_(run_ids)))
    session.execute(delete(Run).where(col(Run.id).in_(run_ids)))
    return report_ids
