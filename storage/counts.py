"""How many rows there are in each status: what monitoring shows."""

from enum import StrEnum
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from storage.statuses import DatasetStatus, EndpointStatus, ModelStatus, RunStatus
from storage.tables import Backend, Dataset, Model, Run


def by_status(session: Session) -> dict[str, dict[str, int]]:
    """{"runs": {"queued": 0, ...}, "models": ..., "datasets": ..., "backends": ...}, zeros included."""
    tables: dict[str, tuple[Any, type[StrEnum]]] = {
        "runs": (Run, RunStatus),
        "models": (Model, ModelStatus),
        "datasets": (Dataset, DatasetStatus),
        "backends": (Backend, EndpointStatus),
    }
    answer = {}
    for name, (table, statuses) in tables.items():
        status = col(table.status)
        counted = {
            str(counted_status): number
            for counted_status, number in session.exec(select(status, func.count()).group_by(status))
        }
        answer[name] = {member.value: counted.get(member.value, 0) for member in statuses}
    return answer
