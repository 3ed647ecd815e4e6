"""The program that looks at the machine while a run trains: `python -m engine.process.meter.sampler FOLDER [CARD ...]`.

The shim of the run starts it beside the worker, with the numbers of the cards the run holds. It looks every two
seconds, less often where a look is expensive: it takes at most 0.4 % of a core. It never touches the training, nobody
waits for it, and it ends at SIGTERM, or with its shim.
"""

import contextlib
import os
import select
import signal
import sys
import time
from pathlib import Path

from engine.process.meter import samples
from engine.process.meter.cards import Cards
from engine.process.meter.energy import Energy
from engine.process.meter.host import Host
from engine.process.meter.processor_energy import ProcessorEnergy
from engine.process.meter.samples import Line, Now, Stretch
from engine.process.meter.step_watch import StepWatch

MOST_OF_A_CORE = 0.004
NICE = 5


class Sampler:
    """Looks, adds up, and writes a line whenever a stretch is over."""

    def __init__(self, folder: Path, card_numbers: list[int], shim: int) -> None:
        self._folder = folder
        self._devices = max(1, len(card_numbers))
        self._cards, self._host = Cards(card_numbers), Host(folder, shim)
        self._processors = ProcessorEnergy()
        self._energy = Energy(self._cards, self._processors)
        self._steps = StepWatch(folder)
        self._now = samples.latest(folder) or Now()  # goes on where an earlier attempt has ended
        self._now.error, self._now.sizes = "", self._host.sizes() | self._cards.sizes()
        self._lines = samples.count(folder)
        self._stretch, self._began = Stretch(), time.monotonic()
        self._looked_at = self._began
        self._cost = time.process_time()
        self._now.totals.sampler_seconds += self._cost  # to start it

    def look(self) -> float:
        """One look; says after how many seconds the next one may come."""
        now, totals = time.monotonic(), self._now.totals
        seconds, self._looked_at = now - self._looked_at, now
        values = self._host.read() | self._cards.read()
        self._energy.add(totals, values, seconds)
        totals.seconds += seconds
        totals.device_seconds += seconds * self._devices
        for name, value in values.items():
            totals.peaks[name] = max(totals.peaks.get(name, value), value)
        self._now.at, self._now.step, self._now.values = time.time(), self._steps.look(), values
        self._now.missing = self._missing()
        self._stretch.add(values)
        if now - self._began >= samples.pace_seconds(self._lines) - samples.EVERY_SECONDS / 2:
            self._write_line()
        spent, self._cost = time.process_time() - self._cost, time.process_time()
        totals.sampler_seconds += spent
        samples.keep(self._folder, self._now)
        return max(samples.EVERY_SECONDS, spent / MOST_OF_A_CORE)

    def end(self) -> None:
        """The last look, with what has not been written yet."""
        self.look()
        self._write_line()
        self._cards.close()

    def _write_line(self) -> None:
        now = time.monotonic()
        if values := self._stretch.values():
            line = Line(self._now.at, round(now - self._began, 3), self._now.step, values)
            samples.append(self._folder, line)
            self._lines += 1
        self._stretch, self._began = Stretch(), now

    def _missing(self) -> dict[str, str]:
        processors = {"Processor power": self._processors.missing} if self._processors.missing else {}
        return self._cards.missing | processors


def main(folder: Path, card_numbers: list[int]) -> None:
    """Looks until it is told to end, or its shim is gone."""
    shim, wake = os.getppid(), _listen()
    with contextlib.suppress(OSError):
        os.nice(NICE)
    sampler = Sampler(folder, card_numbers, shim)
    seconds = sampler.look()
    while not select.select([wake], [], [], seconds)[0] and os.getppid() == shim:
        seconds = sampler.look()
    sampler.end()


def _listen() -> int:
    """A descriptor that becomes readable at SIGTERM."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # the shim starts it with SIGTERM held back
    return reader


def run(folder: Path, card_numbers: list[int]) -> None:
    """The same; why it could not go on is kept with the run. The one place here where everything is caught."""
    try:
        main(folder, card_numbers)
    except Exception as error:
        if folder.is_dir():
            now = samples.latest(folder) or Now()
            now.error = f"{type(error).__name__}: {error}"
            with contextlib.suppress(OSError):  # the disk may be full
                samples.keep(folder, now)
        raise


if __name__ == "__main__":
    run(Path(sys.argv[1]), [int(number) for number in sys.argv[2:]])
