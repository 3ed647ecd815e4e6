"""Who gets which device, and how it comes back."""

import os
import stat
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from engine.process import devices
from storage import db
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint, Lease


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    devices._gpus.cache_clear()
    yield
    devices._gpus.cache_clear()


@pytest.fixture
def two_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two graphics cards, as nvidia-smi tells it, and a torch that can use them."""
    smi = tmp_path / "bin" / "nvidia-smi"
    smi.parent.mkdir()
    smi.write_text("#!/bin/sh\necho '0, GPU-aaa'\necho '1, GPU-bbb'\n")
    smi.chmod(smi.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{smi.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(metadata, "version", lambda name: "2.13.0")


def take(holder: str, exclusive: bool = True, kind: str = "run") -> str | None:
    with db.session() as session:
        return devices.take(session, kind, holder, exclusive)


def give_back(holder: str) -> None:
    with db.session() as session:
        devices.give_back(session, holder)


def test_without_a_gpu_the_cpu_trains_one_at_a_time_and_serves_any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: "2.13.0+cpu")
    assert devices.found() == ("cpu",)
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


@pytest.mark.usefixtures("two_gpus")
def test_each_gpu_trains_one_run_and_serving_keeps_away_from_them_while_it_can() -> None:
    assert devices.found() == ("gpu:0", "gpu:1")
    assert take("r1") == "gpu:0"
    assert take("e1", exclusive=False, kind="backend") == "gpu:1"
    assert take("r2") == "gpu:1"  # an endpoint never blocks the queue
    assert take("r3") is None
    assert take("e2", exclusive=False, kind="backend") in ("gpu:0", "gpu:1")


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("visible", "found"),
    [("1", ("gpu:1",)), ("GPU-aaa", ("gpu:0",)), ("", ("cpu",)), ("1, 0", ("gpu:0", "gpu:1"))],
)
def test_cards_that_are_hidden_from_the_studio_are_not_given_out(
    monkeypatch: pytest.MonkeyPatch, visible: str, found: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert devices.found() == found


def test_a_torch_without_cuda_or_none_at_all_means_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert devices.found() == ("cpu",)


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
