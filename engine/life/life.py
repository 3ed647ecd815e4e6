"""The engine's life inside a process: `tunesmith serve` and `tunesmith worker` start it first and stop it last.

It ends without taking a training along: those live under their shims, and the next life finds them.
"""

from engine.chat import answering
from engine.life.reconciler import Reconciler
from engine.life.upkeep import Upkeep
from engine.process import logs, queue
from storage import db


class Life:
    """start() prepares the database and begins to work on the queue; stop() lets what is running finish its second."""

    def __init__(self, name: str = "studio") -> None:
        self.name = name
        self._ringer: queue.Ringer | None = None
        self._reconciler: Reconciler | None = None
        self._upkeep: Upkeep | None = None

    @property
    def leads(self) -> bool:
        """Whether the reconciler of this process is the one that acts."""
        return self._reconciler is not None and self._reconciler.leads

    def start(self) -> None:
        """Begins; does nothing when it has begun. Raises what the database raises when it cannot be opened."""
        if self._reconciler is not None:
            return
        logs.set_up(self.name)
        db.prepare()
        self._ringer, self._reconciler, self._upkeep = queue.Ringer(), Reconciler(), Upkeep(lambda: self.leads)
        self._ringer.start()
        self._reconciler.start()
        self._upkeep.start()

    def stop(self) -> None:
        """Ends; does nothing when it has ended."""
        if self._ringer is None or self._reconciler is None or self._upkeep is None:
            return
        answering.stop_all()
        self._upkeep.stop()
        self._reconciler.stop()
        self._ringer.stop()
        db.flush_wal()
        self._ringer = self._reconciler = self._upkeep = None
        logs.take_down()
