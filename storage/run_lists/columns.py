"""Which columns of a run a list reads, not those of kilobytes; and the order of the queue."""

from sqlalchemy.orm import defer
from sqlmodel import col

from storage.tables import Run

FOR_A_LIST = [defer(getattr(Run, name), raiseload=True) for name in ("recipe", "facts")]
IN_LINE = (col(Run.rank), col(Run.position), col(Run.created_at))
