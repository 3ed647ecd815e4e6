"""What a machine cannot run is said with the reason; and what the locks hold."""

import math
from dataclasses import replace
from typing import Any

import pytest

from engine.errors import RefusedError
from engine.runtimes import fitness, locks, room, this_machine
from engine.runtimes.kinds import KINDS, PYTHONS
from engine.runtimes.this_machine import Machine

CPU = Machine(cpu_flags=frozenset({"avx2"}), memory_bytes=24 << 30, programs=frozenset({"lscpu"}))
GPU = replace(CPU, gpu_capabilities=(9.0,), driver=580)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"system": "Darwin", "processor": "arm64"}, "for Linux on x86_64, and this is macOS on arm64"),
        ({"processor": "aarch64"}, "this is Linux on aarch64"),
        ({"python": (3, 14)}, "for Python 3.11, 3.12, 3.13, and the studio runs on 3.14"),
        ({"glibc": (2, 17)}, "need glibc 2.31 or newer, and this system has glibc 2.17"),
        ({"glibc": (0, 0)}, "this system has another C library"),
        ({"cpu_flags": frozenset()}, "it needs a processor with AVX2"),
        ({"memory_bytes": 2_000_000_000}, "it needs 4 GB of memory to start, and this machine has 2 GB"),
        ({"programs": frozenset()}, "it calls lscpu, which is not installed here (package util-linux)"),
    ],
)
def test_vllm_is_refused_with_the_reason_and_with_what_does_without_it(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(RefusedError, match="vLLM cannot run on this machine") as raised:
        fitness.choose(KINDS["vllm"], replace(CPU, **changes))
    assert words in raised.value.message
    assert "Serve with the backend `transformers`" in raised.value.hint


def test_the_build_for_gpus_is_taken_where_it_runs_and_else_said_why_not() -> None:
    assert fitness.choose(KINDS["vllm"], GPU).build.words == "vLLM for NVIDIA GPUs"
    for changes, words in (
        ({"gpu_capabilities": ()}, "no NVIDIA GPU was found"),
        ({"gpu_capabilities": (7.0,)}, "compute capability 7.5, and this one has 7"),
        ({"driver": 535}, "NVIDIA's driver 580 or newer, and the one here is version 535"),
        ({"driver": 0}, "the one here is unknown"),
    ):
        choice = fitness.choose(KINDS["vllm"], replace(GPU, **changes))
        assert choice.build.words == "vLLM for CPUs"
        assert words in choice.notes[0]


@pytest.mark.parametrize(
    "changes", [{"processor": "aarch64"}, {"glibc": (2, 31)}, {"processor": "aarch64", "glibc": (2, 28)}]
)
def test_llama_is_built_where_no_library_is_prebuilt_and_what_is_missing_is_said(changes: dict[str, Any]) -> None:
    llama, machine = KINDS["llama"], replace(CPU, programs=frozenset({"cc", "c++"}))
    assert fitness.choose(llama, machine).build.libraries, "a prebuilt library comes first"
    choice = fitness.choose(llama, replace(machine, **changes))
    assert (choice.build.words, choice.build.libraries) == ("llama.cpp: converter, and libraries built here", "")
    assert choice.notes[0].startswith("llama.cpp: converter and libraries: ")
    with pytest.raises(RefusedError, match=r"it calls c\+\+, which is not installed here \(package g\+\+\)"):
        fitness.choose(llama, replace(machine, programs=frozenset({"cc"}), **changes))
    with pytest.raises(RefusedError, match=r"it needs 1\.5 GB of memory"):
        fitness.choose(llama, replace(machine, memory_bytes=10**9, **changes))


def test_what_building_takes_is_said_in_minutes_of_this_machine_and_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    prebuilt, built = KINDS["llama"].builds
    assert room.needed(prebuilt).build_minutes is None
    monkeypatch.setattr(this_machine, "jobs", lambda: 4)
    needs = room.needed(built)
    assert needs.build_minutes == math.ceil(built.build_core_minutes / 4)
    assert needs.download_bytes > built.archive_bytes + locks.read(built.tools_lock).sizes["cmake"]
    assert needs.disk_bytes == needs.download_bytes + built.disk_bytes + built.build_bytes + room.SPARE_BYTES


@pytest.mark.parametrize("kind", KINDS)
def test_every_package_of_a_lock_has_one_version_and_hashes(kind: str) -> None:
    for build in KINDS[kind].builds:
        lock = locks.read(build.lock)
        assert lock.download_bytes > 0
        for requirement in build.requires:
            assert f"\n{requirement} --hash=sha256:" in lock.text
        assert not set(build.without) & set(lock.sizes)  # what breaks it is not there at all
        assert ("torch" in lock.sizes) == (build.torch is None and not build.archive)
        assert bool(build.archive) == (len(build.archive_sha256) == 64)
        assert bool(build.libraries) == (len(build.libraries_sha256) == 64)
        assert build.pythons[0] == PYTHONS[0]


@pytest.mark.parametrize("line", ["vllm==1.0", "vllm>=1 --hash=sha256:" + "0" * 64 + "  # 1 bytes", "--index-url x"])
def test_a_line_that_pins_nothing_is_no_lock(line: str) -> None:
    with pytest.raises(ValueError, match="not a line of a lock"):
        locks.parse(line)


def test_the_facts_of_this_machine_are_read() -> None:
    machine = this_machine.look(["sh", "no-such-program"])
    assert machine.programs == {"sh"}
    assert machine.memory_bytes > 1 << 30
    if machine.system == "Linux" and machine.processor == "x86_64":
        assert "sse2" in machine.cpu_flags
