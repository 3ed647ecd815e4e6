"""Whose turn it is to start: on a CPU one heavy server at a time.

Two vLLM that start at once on two cores take two minutes each, one after the other less than one each; most of a start
is Python that imports.
"""

from sqlmodel import Session, col, select

from engine.process import devices
from storage.statuses import EndpointStatus
from storage.tables import Backend

HEAVY = ("vllm",)


def is_free(session: Session, backend: Backend, device: str | None) -> bool:
    """Whether a backend may start now on its device. The caller's transaction holds the turn."""
    if device != devices.CPU or backend.kind not in HEAVY:
        return True
    return starting_elsewhere(session, backend) is None


def starting_elsewhere(session: Session, backend: Backend) -> Backend | None:
    """The heavy backend that is starting now, if it is another one."""
    starting = (Backend.status == EndpointStatus.STARTING, Backend.device == devices.CPU, Backend.id != backend.id)
    return session.exec(select(Backend).where(*starting, col(Backend.kind).in_(HEAVY)).limit(1)).first()
