"""Which columns of a run a list reads: not those of kilobytes."""

from sqlalchemy.orm import defer

from storage.tables import Run

FOR_A_LIST = [defer(getattr(Run, name), raiseload=True) for name in ("recipe", "facts")]
