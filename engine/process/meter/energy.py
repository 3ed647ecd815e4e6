"""Energy while a run trains: of each card and of the processors, as far as they can be read. Nothing is guessed."""

from engine.process.meter.cards import Cards
from engine.process.meter.processor_energy import ProcessorEnergy
from engine.process.meter.samples import Totals

LONGEST_GAP_SECONDS = 60.0  # longer than this, one look says nothing of what was between


class Energy:
    """Adds up what is used, from look to look.

    Of a card its own counter counts; where it has none, its power times the time since the last look.
    """

    def __init__(self, cards: Cards, processors: ProcessorEnergy) -> None:
        self._cards, self._processors = cards, processors
        self._counters: dict[str, float] = {}

    def add(self, totals: Totals, values: dict[str, float], seconds: float) -> None:
        """Adds the `seconds` since the last look to the totals, and cpu_watts to the values, where it can be known."""
        used, is_short = self._processors.used(), 0 < seconds <= LONGEST_GAP_SECONDS
        if used is not None and is_short:
            totals.cpu_joules = (totals.cpu_joules or 0.0) + used
            totals.cpu_seconds += seconds
            values["cpu_watts"] = used / seconds
        before, self._counters = self._counters, self._cards.joules()
        for name, joules in self._counters.items():
            if seconds > 0 and name in before and joules >= before[name]:  # less: the driver was loaded anew
                _count(totals, name, joules - before[name], seconds)
        if not is_short:
            return
        for name, watts in values.items():
            card = name.removesuffix("_watts")
            if name.startswith("gpu") and name.endswith("_watts") and card not in self._counters:
                _count(totals, card, watts * seconds, seconds)


def _count(totals: Totals, card: str, joules: float, seconds: float) -> None:
    totals.gpu_joules[card] = totals.gpu_joules.get(card, 0.0) + joules
    totals.gpu_seconds[card] = totals.gpu_seconds.get(card, 0.0) + seconds
