"""Cards and processors are read in their units; what they do not tell is missing, in words, and never guessed."""

import os
from pathlib import Path

import pytest

from engine.process.meter.cards import Cards
from engine.process.meter.energy import LONGEST_GAP_SECONDS, Energy
from engine.process.meter.processor_energy import ProcessorEnergy
from engine.process.meter.samples import Totals
from tests.engine.process.meter import stand_in_nvml
from tests.engine.process.meter.stand_in_nvml import Driver

LIBRARY = "tests.engine.process.meter.stand_in_nvml"


@pytest.fixture(autouse=True)
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    fresh = Driver()
    monkeypatch.setattr(stand_in_nvml, "driver", fresh)
    return fresh


@pytest.fixture
def powercap(tmp_path: Path) -> Path:
    """Two packages, a core inside one, memory beside the other, and psys, which counts everything again."""
    for zone, name, energy in (
        ("intel-rapl:0", "package-0", 1_000_000),
        ("intel-rapl:0:0", "core", 500_000),
        ("intel-rapl:1", "package-1", 2_000_000),
        ("intel-rapl:1:0", "dram", 3_000_000),
        ("intel-rapl:2", "psys", 9_000_000),
    ):
        (tmp_path / zone).mkdir()
        (tmp_path / zone / "name").write_text(f"{name}\n")
        (tmp_path / zone / "max_energy_range_uj").write_text("10000000\n")
        (tmp_path / zone / "energy_uj").write_text(f"{energy}\n")
    return tmp_path


def no_processors(tmp_path: Path) -> ProcessorEnergy:
    return ProcessorEnergy(tmp_path / "nothing")


def test_only_the_cards_of_the_run_are_read_each_sensor_in_its_unit(driver: Driver) -> None:
    cards = Cards([1], LIBRARY)
    assert cards.read() == {
        "gpu1_percent": 91.0,
        "gpu1_memory_bytes": 61 << 30,
        "gpu1_temperature": 71.0,
        "gpu1_watts": 100.0,
    }
    assert cards.sizes() == {"gpu1_memory_bytes": 80 << 30}
    assert cards.joules() == {"gpu1": 9000.0}
    assert cards.missing == {}
    cards.close()
    assert (driver.opened, driver.closed) == (1, 1)


def test_without_cards_nothing_is_loaded_and_nothing_is_missing(driver: Driver) -> None:
    cards = Cards([], "no.such.library")
    assert (cards.read(), cards.joules(), cards.missing, driver.opened) == ({}, {}, {}, 0)


def test_what_cannot_be_read_is_said_in_words(driver: Driver) -> None:
    assert Cards([0], "no_such_library").missing == {"GPU": "The Python library nvidia-ml-py is not installed."}
    driver.is_loaded = False
    assert Cards([0], LIBRARY).missing == {"GPU": "The NVIDIA driver does not answer: Driver Not Loaded."}
    driver.is_loaded, driver.refused = True, {"nvmlDeviceGetPowerUsage", "nvmlDeviceGetUtilizationRates"}
    cards = Cards([0, 7], LIBRARY)
    assert set(cards.read()) == {"gpu0_memory_bytes", "gpu0_temperature"}
    assert cards.missing == {
        "GPU 7": "Invalid Argument.",
        "GPU 0 power": "Not Supported.",
        "GPU 0 use": "Not Supported.",
    }
    driver.refused.clear()
    assert "gpu0_watts" in cards.read()
    assert set(cards.missing) == {"GPU 7"}


def test_the_real_library_without_a_driver_is_told_too() -> None:
    pynvml = pytest.importorskip("pynvml")
    if Path("/proc/driver/nvidia").exists():
        pytest.skip("there is a driver here")
    assert issubclass(pynvml.NVMLError, Exception)
    assert Cards([0]).missing["GPU"].startswith("The NVIDIA driver does not answer: ")


def test_a_cards_own_counter_counts_and_otherwise_its_power_times_the_time(driver: Driver, tmp_path: Path) -> None:
    driver.refused = set()
    cards = Cards([0, 1], LIBRARY)
    energy, totals = Energy(cards, no_processors(tmp_path)), Totals()
    energy.add(totals, cards.read(), 0.0)
    driver.joules = {0: 5700.0, 1: 9150.0}
    energy.add(totals, cards.read(), 2.0)
    assert totals.gpu_joules == {"gpu0": pytest.approx(700), "gpu1": pytest.approx(150)}
    driver.refused = {"nvmlDeviceGetTotalEnergyConsumption"}
    energy.add(totals, cards.read(), 2.0)
    assert totals.gpu_joules == {"gpu0": pytest.approx(700 + 600), "gpu1": pytest.approx(150 + 200)}
    assert totals.gpu_seconds == {"gpu0": 4.0, "gpu1": 4.0}
    assert (totals.cpu_joules, totals.cpu_seconds) == (None, 0.0)


def test_energy_that_nobody_saw_is_not_guessed(driver: Driver, tmp_path: Path) -> None:
    """One look after an hour says nothing of the hour; a counter that began anew says nothing either."""
    driver.refused = {"nvmlDeviceGetTotalEnergyConsumption"}
    cards = Cards([0], LIBRARY)
    energy, totals = Energy(cards, no_processors(tmp_path)), Totals()
    energy.add(totals, cards.read(), LONGEST_GAP_SECONDS + 1)
    assert totals.gpu_joules == {}
    driver.refused = set()
    energy.add(totals, cards.read(), 2.0)
    driver.joules[0] = 3.0
    energy.add(totals, cards.read(), 2.0)
    assert totals.gpu_joules == {}
    driver.refused = {"nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetPowerUsage"}
    energy.add(totals, cards.read(), 2.0)
    assert totals.gpu_joules == {}


def test_packages_and_their_memory_are_counted_once_and_past_the_end_of_the_counter(powercap: Path) -> None:
    processors = ProcessorEnergy(powercap)
    assert (processors.used(), processors.missing) == (None, "")
    for zone, used in (("0", 4_000_000), ("0:0", 9_000_000), ("1", 500_000), ("1:0", 3_500_000), ("2", 1)):
        (powercap / f"intel-rapl:{zone}" / "energy_uj").write_text(str(used))
    # 3 J of the first package; 8.5 J of the second, whose counter has begun again at 10 J; 0.5 J of memory
    assert processors.used() == pytest.approx(3 + 8.5 + 0.5)
    totals, values = Totals(), {"cpu_percent": 50.0}
    energy = Energy(Cards([], LIBRARY), processors)
    (powercap / "intel-rapl:0" / "energy_uj").write_text("8000000")
    energy.add(totals, values, 2.0)
    assert totals.cpu_joules == pytest.approx(4)
    assert totals.cpu_seconds == 2.0
    assert values["cpu_watts"] == pytest.approx(2)


def test_a_processor_that_does_not_tell_is_not_measured(powercap: Path, tmp_path: Path) -> None:
    assert no_processors(tmp_path).missing.startswith("This machine has no counter")
    processors = ProcessorEnergy(powercap)
    (powercap / "intel-rapl:1" / "energy_uj").unlink()
    assert processors.used() is None
    assert processors.missing.startswith("This machine has no counter")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_counter_for_root_alone_is_said_to_be_one(powercap: Path) -> None:
    (powercap / "intel-rapl:0" / "energy_uj").chmod(0)
    processors = ProcessorEnergy(powercap)
    assert processors.used() is None
    assert "root alone" in processors.missing
