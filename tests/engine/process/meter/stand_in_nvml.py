"""Stands in for the library pynvml: two cards with its functions, names, units and errors. Tests set what they say."""

from types import SimpleNamespace
from typing import Any

NVML_TEMPERATURE_GPU = 0


class NVMLError(Exception):
    """As in pynvml: its words are what the driver calls the error."""


class Driver:
    """What the driver would know. `refused` names functions that this card or driver does not have."""

    def __init__(self) -> None:
        self.watts = {0: 300.0, 1: 100.0}
        self.joules: dict[int, float] = {0: 5000.0, 1: 9000.0}
        self.is_loaded, self.opened, self.closed = True, 0, 0
        self.refused: set[str] = set()

    def ask(self, function: str) -> None:
        if function in self.refused:
            raise NVMLError("Not Supported")


driver = Driver()


def nvmlInit() -> None:  # noqa: N802
    if not driver.is_loaded:
        raise NVMLError("Driver Not Loaded")
    driver.opened += 1


def nvmlShutdown() -> None:  # noqa: N802
    driver.closed += 1


def nvmlDeviceGetHandleByIndex(index: int) -> Any:  # noqa: N802
    if index not in driver.watts:
        raise NVMLError("Invalid Argument")
    return SimpleNamespace(index=index)


def nvmlDeviceGetUtilizationRates(card: Any) -> Any:  # noqa: N802
    driver.ask("nvmlDeviceGetUtilizationRates")
    return SimpleNamespace(gpu=90 + card.index, memory=40)


def nvmlDeviceGetMemoryInfo(card: Any) -> Any:  # noqa: N802
    driver.ask("nvmlDeviceGetMemoryInfo")
    return SimpleNamespace(total=80 << 30, used=(60 + card.index) << 30, free=20 << 30)


def nvmlDeviceGetTemperature(card: Any, sensor: int) -> int:  # noqa: N802
    driver.ask("nvmlDeviceGetTemperature")
    return 70 + int(card.index) + sensor


def nvmlDeviceGetPowerUsage(card: Any) -> int:  # noqa: N802
    driver.ask("nvmlDeviceGetPowerUsage")
    return int(driver.watts[card.index] * 1000)


def nvmlDeviceGetTotalEnergyConsumption(card: Any) -> int:  # noqa: N802
    driver.ask("nvmlDeviceGetTotalEnergyConsumption")
    return int(driver.joules[card.index] * 1000)
