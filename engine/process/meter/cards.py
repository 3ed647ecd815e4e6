"""The NVIDIA cards that a run holds, read through NVML (the library nvidia-ml-py, imported as pynvml).

What a card or a driver does not tell is not guessed: `missing` says it in words, by the name of the sensor. A card is
called as the driver counts it, gpu0 for gpu:0. Of a card that is divided (MIG) the driver tells little.

Source of the calls and their units: NVIDIA's NVML API reference, "Device Queries".
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

PYNVML = "pynvml"
NOT_INSTALLED = "The Python library nvidia-ml-py is not installed."

# What is read of each card: the end of the name, how to ask for it; and what people call it.
SENSORS: dict[str, Callable[[Any, Any], float]] = {
    "percent": lambda nvml, card: float(nvml.nvmlDeviceGetUtilizationRates(card).gpu),
    "memory_bytes": lambda nvml, card: float(nvml.nvmlDeviceGetMemoryInfo(card).used),
    "temperature": lambda nvml, card: float(nvml.nvmlDeviceGetTemperature(card, nvml.NVML_TEMPERATURE_GPU)),  # Celsius
    "watts": lambda nvml, card: nvml.nvmlDeviceGetPowerUsage(card) / 1000,  # it says milliwatts
}

WORDS = {"percent": "use", "memory_bytes": "memory", "temperature": "temperature", "watts": "power"}


class Cards:
    """Some of this machine's cards, by the driver's numbers. Never raises: what cannot be read is `missing`."""

    def __init__(self, numbers: Sequence[int], library: str = PYNVML) -> None:
        self.missing: dict[str, str] = {}  # what cannot be read, and why
        self._cards: dict[str, Any] = {}
        self._nvml: Any = None
        if numbers:
            self._open(numbers, library)

    def _open(self, numbers: Sequence[int], library: str) -> None:
        try:
            self._nvml = importlib.import_module(library)
        except ImportError:
            self.missing["GPU"] = NOT_INSTALLED
            return
        try:
            self._nvml.nvmlInit()
        except self._nvml.NVMLError as error:
            self.missing["GPU"] = f"The NVIDIA driver does not answer: {error}."
            return
        for number in numbers:
            card = self._ask(f"GPU {number}", self._nvml.nvmlDeviceGetHandleByIndex, number)
            if card is not None:
                self._cards[f"gpu{number}"] = card

    def read(self) -> dict[str, float]:
        """gpu0_percent, gpu0_memory_bytes, gpu0_temperature, gpu0_watts ... of every card, as far as they are known."""
        values = {}
        for name, card in self._cards.items():
            for sensor, ask in SENSORS.items():
                what = f"GPU {name.removeprefix('gpu')} {WORDS[sensor]}"
                value = self._ask(what, ask, self._nvml, card)
                if value is not None:
                    values[f"{name}_{sensor}"] = value
        return values

    def joules(self) -> dict[str, float]:
        """gpu0 -> what the card has used since its driver was loaded, where the card counts that (since Volta)."""
        counters = {}
        for name, card in self._cards.items():
            used = self._ask("", self._nvml.nvmlDeviceGetTotalEnergyConsumption, card)
            if used is not None:
                counters[name] = used / 1000  # it says millijoules
        return counters

    def sizes(self) -> dict[str, float]:
        """gpu0_memory_bytes -> the whole memory of the card."""
        memories = {name: self._ask("", self._nvml.nvmlDeviceGetMemoryInfo, card) for name, card in self._cards.items()}
        return {f"{name}_memory_bytes": float(memory.total) for name, memory in memories.items() if memory is not None}

    def close(self) -> None:
        """Lets the driver go."""
        if self._cards:
            self._ask("", self._nvml.nvmlShutdown)

    def _ask(self, what: str, question: Callable[..., Any], *about: Any) -> Any:
        """The answer, or None. Why there is none is kept under `what`, as long as that is so."""
        try:
            answer = question(*about)
        except self._nvml.NVMLError as error:
            if what:
                self.missing[what] = f"{error}."
            return None
        self.missing.pop(what, None)
        return answer
