"""`tunesmith doctor`: what this machine has for the studio, and what it lacks."""

import os
import platform
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

import psutil
import typer

from app.cli.printed import as_json, say, say_json
from engine import sizes
from engine.errors import RefusedError
from engine.process import devices, process
from engine.sandbox import sandbox
from engine.serve.vllm import command, environments
from storage import home

OLDEST_PYTHON = (3, 11)
LEAST_MEMORY_BYTES = 4e9
LEAST_DISK_BYTES = 10e9
PACKAGES = ("tunesmith", "gradio", "fastapi", "torch", "transformers", "trl", "peft", "datasets", "bokeh", "huey")
TORCH_SECONDS = 60.0
ASK_TORCH = "import torch; print(torch.__version__, torch.cuda.device_count(), torch.get_num_threads())"
ASK_GPU = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]

Verdict = Literal["ok", "note", "bad"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. Only `bad` ones keep the studio from working."""

    verdict: Verdict
    what: str
    detail: str


def examine() -> Iterator[Finding]:
    """Looks at one thing after the other; the slow one, torch, comes last."""
    yield _python()
    yield _system()
    yield from _packages()
    yield _memory()
    yield _disk()
    yield _database()
    yield _gpu()
    yield _vllm()
    yield _init()
    yield from _sandbox()
    yield _torch()


def _python() -> Finding:
    fits = sys.version_info[:2] >= OLDEST_PYTHON
    return Finding("ok" if fits else "bad", "Python", f"{platform.python_version()} at {sys.executable}")


def _system() -> Finding:
    name = f"{platform.system()} {platform.release()}, {os.cpu_count()} processors"
    if platform.system() == "Linux":
        return Finding("ok", "System", name)
    return Finding("note", "System", f"{name}. Linux is the supported system; on Windows use WSL2.")


def _packages() -> Iterator[Finding]:
    for name in PACKAGES:
        try:
            yield Finding("ok", name, version(name))
        except PackageNotFoundError:
            yield Finding("note" if name == "tunesmith" else "bad", name, "not installed")


def _memory() -> Finding:
    memory = psutil.virtual_memory()
    words = f"{sizes.in_words(memory.available)} of {sizes.in_words(memory.total)} free"
    return Finding("ok" if memory.available > LEAST_MEMORY_BYTES else "note", "Memory", words)


def _disk() -> Finding:
    free = home.free_bytes()
    words = f"{sizes.in_words(free)} free for {home.home()}"
    return Finding("ok" if free > LEAST_DISK_BYTES else "note", "Disk", words)


def _database() -> Finding:
    return Finding("ok", "SQLite", sqlite3.sqlite_version)


def _gpu() -> Finding:
    gpu_names = process.output(ASK_GPU)
    return Finding(
        "ok", "GPU", "; ".join(gpu_names.splitlines()) if gpu_names else "none; trainings run on the processor"
    )


def _vllm() -> Finding:
    try:
        python = command.python()
    except RefusedError:
        return Finding("ok", "vLLM", "not installed; the backend `transformers` needs no extra")
    try:
        environment = environments.look(python)
        environments.refuse_unfit(environment, devices.on_this_machine())
    except RefusedError as error:
        return Finding("note", "vLLM", str(error))
    build = " for CPUs" if environment.is_cpu_build else ""
    return Finding("ok", "vLLM", f"{environment.version or 'version unknown'}{build} at {python}")


def _init() -> Finding:
    if os.getpid() != 1:
        return Finding("ok", "Init process", "not needed outside a container")
    return Finding("note", "Init process", "the studio is process 1: start it under tini, which reaps dead children")


def _sandbox() -> Iterator[Finding]:
    """What holds code back, and each probe of what does not. Nothing that would: a note, as the rest works without."""
    means = sandbox.means()
    if means.name:
        yield Finding("ok", "Sandbox", f"{means.name}; code gets {means.python}")
    else:
        yield Finding("note", "Sandbox", "none: the studio runs no code, and no training with reward_code")
    for reason in filter(None, means.reason.split("\n")):
        yield Finding("note", "Sandbox", reason)
    for probe in means.probes:
        if probe.means == means.name or not probe.held:
            verdict: Verdict = "ok" if probe.held else "note"
            yield Finding(verdict, f"  {probe.means}", f"{probe.what}{'' if probe.held else ': NOT HELD'}")


def _torch() -> Finding:
    facts = process.output([sys.executable, "-c", ASK_TORCH], TORCH_SECONDS)
    if not facts:
        return Finding("bad", "torch", "cannot be imported; install it again")
    release, gpus, threads = facts.split()
    return Finding("ok", "torch works", f"{release}, {gpus} GPUs, {threads} threads")


def show_doctor() -> None:
    """Say what this machine has for the studio, and what it lacks."""
    findings = []
    for finding in examine():
        findings.append(finding)
        if not as_json():
            say(f"{finding.verdict:<5} {finding.what:<14} {finding.detail}")
    if as_json():
        say_json(findings)
    raise typer.Exit(1 if any(finding.verdict == "bad" for finding in findings) else 0)
