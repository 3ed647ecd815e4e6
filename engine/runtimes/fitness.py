"""Which build of a runtime fits a machine, and why the others do not. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from engine import sizes
from engine.errors import RefusedError
from engine.runtimes.kinds import Build, Kind
from engine.runtimes.this_machine import Machine

SYSTEMS = {"Darwin": "macOS", "Windows": "Windows"}
PACKAGES = {"lscpu": "util-linux", "cc": "gcc", "c++": "g++"}  # what brings a program, as Debian and Ubuntu call it


@dataclass(frozen=True)
class Choice:
    """The build that fits, and why those that come before it do not."""

    build: Build
    notes: tuple[str, ...] = ()


def choose(kind: Kind, machine: Machine) -> Choice:
    """The first build that fits. Raises RefusedError that says for each why it does not."""
    notes: list[str] = []
    for build in kind.builds:
        reason = reason_against(build, machine)
        if reason is None:
            return Choice(build, tuple(notes))
        notes.append(f"{build.words}: {reason}")
    raise RefusedError(f"{kind.title} cannot run on this machine. {' '.join(dict.fromkeys(notes))}", kind.instead)


def reason_against(build: Build, machine: Machine) -> str | None:
    """The first reason against a build on a machine, as a sentence; None when it fits."""
    return next((reason for rule in RULES if (reason := rule(build, machine))), None)


def _system(build: Build, machine: Machine) -> str | None:
    if machine.system == "Linux" and machine.processor in build.processors:
        return None
    system, locked = SYSTEMS.get(machine.system, machine.system), " and ".join(build.processors)
    return f"the packages that were locked are for Linux on {locked}, and this is {system} on {machine.processor}."


def _python(build: Build, machine: Machine) -> str | None:
    if machine.python in build.pythons:
        return None
    known = ", ".join(_number(version) for version in build.pythons)
    return f"the packages that were locked are for Python {known}, and the studio runs on {_number(machine.python)}."


def _glibc(build: Build, machine: Machine) -> str | None:
    if machine.glibc >= build.glibc:
        return None
    version = f"glibc {_number(machine.glibc)}" if any(machine.glibc) else "another C library"
    return f"its packages need glibc {_number(build.glibc)} or newer, and this system has {version}."


def _processor(build: Build, machine: Machine) -> str | None:
    missing = [flag for flag in build.cpu_flags if flag not in machine.cpu_flags]
    return f"it needs a processor with {', '.join(missing).upper()}." if missing else None


def _gpu(build: Build, machine: Machine) -> str | None:
    if not build.gpu_capability:
        return None
    if not machine.gpu_capabilities:
        return "no NVIDIA GPU was found."
    if (best := max(machine.gpu_capabilities)) < build.gpu_capability:
        return f"it needs a GPU of compute capability {build.gpu_capability:g}, and this one has {best:g}."
    if machine.driver < build.gpu_driver:
        driver = f"version {machine.driver}" if machine.driver else "unknown"
        return f"it needs NVIDIA's driver {build.gpu_driver} or newer, and the one here is {driver}."
    return None


def _memory(build: Build, machine: Machine) -> str | None:
    if machine.memory_bytes >= build.least_memory_bytes:
        return None
    needed, there = sizes.in_words(build.least_memory_bytes), sizes.in_words(machine.memory_bytes)
    what = "to be built" if build.tools_lock else "to start"
    return f"it needs {needed} of memory {what}, and this machine has {there}."


def _programs(build: Build, machine: Machine) -> str | None:
    missing = [program for program in build.programs if program not in machine.programs]
    if not missing:
        return None
    package = PACKAGES.get(missing[0], missing[0])
    return f"it calls {missing[0]}, which is not installed here (package {package})."


def _number(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


Rule = Callable[[Build, Machine], str | None]
RULES: tuple[Rule, ...] = (_system, _python, _glibc, _gpu, _processor, _memory, _programs)
