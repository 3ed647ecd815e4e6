"""How a worker starts, reports and ends."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import RefusedError
from engine.process import events
from engine.workers import contract, diagnosis


def call(tmp_path: Path, work: contract.Work, spec: str = '{"n": 1}') -> Path:
    (tmp_path / "spec.json").write_text(spec)
    out = tmp_path / "out"
    contract.run(work, [str(tmp_path / "spec.json"), str(out)])
    return out


def last(out: Path) -> events.Event:
    return events.read(out)[0][-1]


def raising(error: BaseException) -> contract.Work:
    def work(spec: dict[str, Any], out: Path) -> None:
        raise error

    return work


def test_what_work_returns_is_the_result(tmp_path: Path) -> None:
    event = last(call(tmp_path, lambda spec, out: {"twice": spec["n"] * 2}))
    assert isinstance(event, events.Finished)
    assert (event.outcome, event.result) == ("succeeded", {"twice": 2})


def test_work_that_was_asked_to_stop_ends_without_an_error(tmp_path: Path) -> None:
    event = last(call(tmp_path, raising(contract.Stopped({"steps": 7}))))
    assert isinstance(event, events.Finished)
    assert (event.outcome, event.result) == ("stopped", {"steps": 7})


def test_a_stop_request_is_a_file(tmp_path: Path) -> None:
    assert not contract.stop_requested(tmp_path)
    (tmp_path / "stop.request").touch()
    assert contract.stop_requested(tmp_path)


def test_a_failure_is_recorded_and_raised_again(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="odd"):
        call(tmp_path, raising(ValueError("odd")))
    event = last(tmp_path / "out")
    assert isinstance(event, events.Failed)
    assert (event.category, event.message) == ("code", "ValueError: odd")


def test_a_broken_spec_is_a_failure_too(tmp_path: Path) -> None:
    with pytest.raises(json.JSONDecodeError):
        call(tmp_path, lambda spec, out: None, spec="{")
    assert isinstance(last(tmp_path / "out"), events.Failed)


class OutOfMemoryError(RuntimeError):
    """As torch calls it."""


class SafetensorError(Exception):
    """As safetensors calls it."""


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (contract.WorkFailedError("data", "no rows", "add some"), "data"),
        (RefusedError("no", "because"), "config"),
        (MemoryError(), "memory"),
        (OutOfMemoryError("CUDA"), "memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ..."), "memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "disk"),
        (ConnectionRefusedError("refused"), "network"),
        (caused(RuntimeError("wrapped"), MemoryError()), "memory"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), "memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "memory"),
        (OSError(errno.EROFS, "Read-only file system"), "disk"),
        (ImportError("Using `bitsandbytes` 4-bit quantization requires bitsandbytes"), "config"),
        (ModuleNotFoundError("No module named 'galore_torch'", name="galore_torch"), "config"),
        (RuntimeError("Found no NVIDIA driver on your system."), "config"),
        (SafetensorError("Error while deserializing header"), "data"),
        (KeyError("x"), "code"),
    ],
)
def test_every_failure_has_a_category_and_words(error: Exception, category: str) -> None:
    event = contract.failure(error)
    assert event.category == category
    assert event.message


def test_a_write_that_failed_for_no_reason_was_the_disks_fault_when_it_is_full(tmp_path: Path) -> None:
    error = RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0")
    assert diagnosis.diagnose(error, free_bytes=1 << 40).category == "code"
    diagnosed = diagnosis.diagnose(error, free_bytes=5_000_000)
    assert (diagnosed.category, "5 MB is free" in diagnosed.message) == ("disk", True)
    assert "save_total_limit" in diagnosed.hint
    assert "GB is free" in contract.failure(OSError(errno.ENOSPC, "No space left on device"), tmp_path).message


def test_known_failures_carry_a_remedy() -> None:
    assert "smaller" in contract.failure(MemoryError()).hint
    assert contract.failure(contract.WorkFailedError("data", "no rows", "add some")).hint == "add some"


def test_a_worker_called_wrongly_says_how(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="usage"):
        contract.run(lambda spec, out: None, ["only-one"])
