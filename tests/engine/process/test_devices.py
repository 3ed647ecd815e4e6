"""Who gets which device, and how it comes back."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

import pytest

from engine.process import devices
from storage import db
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint, Lease
from tests.waiting import wait_for

TWO_CARDS = ("0, GPU-aaa", "1, GPU-bbb")
TWO = ("gpu:0", "gpu:1")


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two graphics cards."""
    monkeypatch.setattr(devices, "inventory", devices.Inventory(lambda: TWO_CARDS))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a program in the place of nvidia-smi, beside a torch that can use what it lists."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(metadata, "version", lambda name: "2.13.0")

    def put(script: str) -> None:
        (folder / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "nvidia-smi").chmod(0o755)

    return put


def take(holder: str, exclusive: bool = True, kind: str = "run", machine: Sequence[str] = ("cpu",)) -> str | None:
    with db.session() as session:
        return devices.take(session, machine, devices.DeviceRequest(kind, holder, exclusive))


def give_back(holder: str) -> None:
    with db.session() as session:
        devices.give_back(session, holder)


def test_without_a_gpu_the_cpu_trains_one_at_a_time_and_serves_any_number() -> None:
    assert take("e1", exclusive=False, kind="backend") == "cpu"
    assert take("r1") == "cpu"
    assert take("r2") is None
    assert take("e2", exclusive=False, kind="backend") == "cpu"
    give_back("r1")
    assert take("r2") == "cpu"
    assert [(lease.holder_id, lease.exclusive) for lease in devices.holders()] == [
        ("e1", False),
        ("e2", False),
        ("r2", True),
    ]


def test_asking_again_gives_the_same_device_and_giving_back_twice_is_no_error() -> None:
    first = take("r1")
    assert first
    assert take("r1") == first
    assert len(devices.holders()) == 1
    give_back("r1")
    give_back("r1")
    assert devices.holders() == []


def test_each_gpu_trains_one_run_and_serving_keeps_away_from_them_while_it_can() -> None:
    assert take("r1", machine=TWO) == "gpu:0"
    assert take("e1", exclusive=False, kind="backend", machine=TWO) == "gpu:1"
    assert take("r2", machine=TWO) == "gpu:1"  # an endpoint never blocks the queue
    assert take("r3", machine=TWO) is None
    assert take("e2", exclusive=False, kind="backend", machine=TWO) in TWO


def test_the_cards_are_those_the_driver_lists_and_it_is_asked_once(
    driver: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver(f"echo asked >> {tmp_path}/log; echo '0, GPU-aaa'; echo '1, GPU-bbb'")
    inventory = devices.Inventory(devices.inventory._ask)
    monkeypatch.setattr(devices, "inventory", inventory)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert devices.on_this_machine() == devices.on_this_machine() == TWO
    inventory.refresh()
    assert (tmp_path / "log").read_text() == "asked\n"


def test_a_driver_that_gave_no_answer_is_asked_again(driver: Callable[[str], None]) -> None:
    driver("exit 9")
    inventory = devices.Inventory(devices.inventory._ask)
    assert inventory.cards() == ()
    inventory.refresh()
    assert inventory.cards() == ()
    driver("echo '0, GPU-aaa'; echo '1, GPU-bbb'")
    assert inventory.cards() == ()  # not here: this may be the middle of a click
    inventory.refresh()
    assert inventory.cards() == TWO_CARDS


def test_many_at_once_wait_for_one_answer() -> None:
    calls: list[int] = []
    answers = threading.Event()

    def ask() -> tuple[str, ...]:
        calls.append(1)
        answers.wait(60)
        return TWO_CARDS

    inventory = devices.Inventory(ask)
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(inventory.cards) for _ in range(8)]
        wait_for(lambda: calls)
        answers.set()
        assert {future.result() for future in waiting} == {TWO_CARDS}
    assert calls == [1]


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("visible", "expected"),
    [("1", ("gpu:1",)), ("GPU-aaa", ("gpu:0",)), ("", ("cpu",)), ("1, 0", ("gpu:0", "gpu:1"))],
)
def test_cards_that_are_hidden_from_the_studio_are_not_given_out(
    monkeypatch: pytest.MonkeyPatch, visible: str, expected: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert devices.on_this_machine() == expected


@pytest.mark.parametrize("torch", ["2.13.0+cpu", None])
def test_a_torch_without_cuda_or_none_at_all_means_the_cpu(
    driver: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, torch: str | None
) -> None:
    def version(name: str) -> str:
        if torch is None:
            raise metadata.PackageNotFoundError(name)
        return torch

    driver("echo '0, GPU-aaa'")
    monkeypatch.setattr(metadata, "version", version)
    assert devices.Inventory(devices.inventory._ask).cards() == ()


def test_a_worker_sees_its_own_device_alone() -> None:
    assert (devices.worker_device("cpu"), devices.environment("cpu")) == ("cpu", {})
    assert devices.worker_device("gpu:1") == "cuda:0"
    assert devices.environment("gpu:1")["CUDA_VISIBLE_DEVICES"] == "1"


def test_what_a_vanished_holder_held_is_taken_back_and_what_lives_keeps_its_own() -> None:
    with db.session() as session:
        session.add(Endpoint(id="e", project_id="default", name="e"))
        session.flush()
        session.add(Backend(id="b1", endpoint_id="e", kind="transformers", status=EndpointStatus.READY))
        session.add(Backend(id="b2", endpoint_id="e", kind="transformers", status=EndpointStatus.FAILED))
        for holder, kind in (("b1", "backend"), ("b2", "backend"), ("r", "run")):
            session.add(Lease(holder_id=holder, holder_kind=kind, device="cpu", exclusive=False))
    devices.tick()
    assert [lease.holder_id for lease in devices.holders()] == ["b1"]
    give_back("b1")
    devices.tick()
