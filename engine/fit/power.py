"""How much power a training takes on this machine: what the studio's own finished runs used, nothing else.

Best from runs of the same model; else from the newest of any. Where none was measured, nothing is known, and it says
why.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from engine.process import machine
from engine.process.meter import used_energy
from engine.process.meter.samples import Totals
from storage import db, runs

RUNS_ASKED = 5  # the newest that have finished
NO_RUNS = "known after the first run here"
NOT_MEASURED = "earlier runs here could not measure it"


@dataclass(frozen=True)
class Power:
    """In W: of one card, and of all processors of the machine; None where no run has measured it."""

    card: float | None
    processor: float | None
    source: str  # the runs it comes from; or why nothing is known, in a few words

    @property
    def is_known(self) -> bool:
        return self.card is not None or self.processor is not None

    def wh(self, device_seconds: float, seconds: float) -> float | None:
        """The energy of trainings that hold devices for so long together, while so much time passes."""
        if not self.is_known:
            return None
        joules = (self.card or 0.0) * device_seconds + (self.processor or 0.0) * seconds
        return joules / used_energy.JOULES_A_WH


def power(model_id: str) -> Power:
    """What is known of this machine and the model. Two light queries at most."""
    with_gpu, looked_at = machine.has_gpu(), False
    for whose, asked_for in (("this model's", model_id), ("this machine's", None)):
        finished = _totals(asked_for, with_gpu)
        looked_at = looked_at or bool(finished)
        if measured := [totals for totals in finished if _has_energy(totals)]:
            count = len(measured)
            return _of(measured, f"{whose} last {'' if count == 1 else f'{count} '}finished run{'s'[: count > 1]}")
    return Power(None, None, NOT_MEASURED if looked_at else NO_RUNS)


def _totals(model_id: str | None, with_gpu: bool) -> list[Totals]:
    """Of the newest finished runs on the kind of device that the next one gets."""
    with db.reading() as session:
        rows = runs.machine_facts(session, RUNS_ASKED, model_id)
    known = [(device, used_energy.totals_of(fact)) for device, fact in rows]
    return [totals for device, totals in known if totals and (device or "").startswith("gpu") == with_gpu]


def _has_energy(totals: Totals) -> bool:
    return used_energy.measured_wh(used_energy.parts(totals)) is not None


def _of(measured: list[Totals], source: str) -> Power:
    cards = [
        (totals.gpu_joules[name], totals.gpu_seconds.get(name, 0.0))
        for totals in measured
        for name in totals.gpu_joules
    ]
    processors = [(totals.cpu_joules, totals.cpu_seconds) for totals in measured if totals.cpu_joules is not None]
    return Power(_mean(cards), _mean(processors), source)


def _mean(used: Iterable[tuple[float, float]]) -> float | None:
    """Watts, from (joules, seconds) of each."""
    pairs = list(used)
    seconds = sum(pair[1] for pair in pairs)
    return sum(pair[0] for pair in pairs) / seconds if seconds else None
