"""Measures an endpoint: `python -m engine.workers.benchmarks.measure SPEC.json OUT/`.

Each level is warmed up, measured, and written to OUT/levels.json at once, so that what was measured is there whatever
comes after. It runs beside the studio and not in it: the load would be measured with the studio's own work in between.
"""

import asyncio
import os
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import orjson
import psutil

from engine.benchmarks import metrics
from engine.benchmarks.load import MOST_AT_ONCE, Load
from engine.benchmarks.metrics import Answer
from engine.process import events
from engine.serve import probe
from engine.workers import contract
from engine.workers.benchmarks import levels, prompts, stream
from engine.workers.benchmarks.levels import Ask
from engine.workers.benchmarks.prompts import Prompts
from engine.workers.benchmarks.stream import Target

LEVELS = "levels.json"
REPORT_SECONDS = 0.5
CPU_FACTS = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Level:
    """One rung: requests at once, or requests a second."""

    concurrency: int | None
    rate: float | None

    def words(self) -> str:
        return f"{self.concurrency} at once" if self.concurrency else f"{self.rate:g} a second"


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """The levels and what they were measured with. Raises WorkFailedError when the server does not answer at all."""
    load, target = Load.model_validate(spec["load"]), Target(spec["address"], spec["model"])
    before = {"load_average_before": os.getloadavg()[0], "in_flight_before": probe.in_flight(target.address)}
    began = time.perf_counter()
    measured = asyncio.run(_measure(spec, load, target, out))
    after = {"load_average_after": os.getloadavg()[0], "seconds": time.perf_counter() - began}
    if not any(level["completed"] for level in measured):
        raise _nothing(measured[0])
    facts = {"machine": machine(), **versions(target), **before, **after}
    return {"levels": measured, "saturates_at": metrics.saturates_at(measured), "facts": facts}


def _nothing(level: dict[str, Any]) -> contract.WorkFailedError:
    kind, said = next(iter(level["error_examples"].items()), ("no answer", ""))
    return contract.WorkFailedError(
        "config", f"Every request failed ({kind}). {said}".strip(), "Ask the endpoint a question in the chat first."
    )


async def _measure(spec: dict[str, Any], load: Load, target: Target, out: Path) -> list[dict[str, Any]]:
    async with stream.open_session(target, load.request_timeout) as session:
        events.append(out, events.Progress(done=0, total=None, stage="making prompts"))
        if spec.get("rows"):
            chosen = prompts.of_rows(Path(spec["rows"]), spec["kind"], load)
        else:
            chosen = await prompts.of_words(session, target, load)
        ask = _asking(session, target, chosen, _fields(load, bool(spec.get("is_outside"))))
        measured: list[dict[str, Any]] = []
        for level in _ladder(load, measured):
            measured.append(await _level(ask, load, level, len(measured), out))
            _write(out / LEVELS, measured)
        return measured


def _fields(load: Load, is_outside: bool) -> dict[str, Any]:
    """What every request says beside its prompt. Other people's servers know only OpenAI's own fields."""
    fields: dict[str, Any] = {"max_tokens": load.output_tokens, "temperature": 0}
    return fields if is_outside or not load.ignore_eos else {**fields, "ignore_eos": True}


def _asking(session: aiohttp.ClientSession, target: Target, chosen: Prompts, fields: dict[str, Any]) -> Ask:
    return lambda number: stream.ask(session, target, chosen.route, {**chosen.body(number), **fields})


def _ladder(load: Load, measured: Sequence[dict[str, Any]]) -> Iterator[Level]:
    """The levels one after another; until it saturates, each is twice the one before."""
    if load.rate is not None:
        yield Level(None, load.rate)
        return
    if not load.until_saturated:
        yield from (Level(clients, None) for clients in load.levels())
        return
    clients = load.levels()[0]
    while clients <= MOST_AT_ONCE and metrics.saturates_at(measured) is None:
        if measured and metrics.is_broken(measured[-1]):
            return
        yield Level(clients, None)
        clients *= 2


async def _level(ask: Ask, load: Load, level: Level, place: int, out: Path) -> dict[str, Any]:
    answers: list[Answer] = []
    durations, speeds = [], []
    begins_at = load.warmup
    await levels.at_once(ask, level.concurrency or 1, load.warmup, None, lambda _answers: None)
    cpu, wall = time.process_time(), time.perf_counter()
    for repeat in range(load.repeats):
        report = _Report(out, level, load, place, repeat)
        started = time.perf_counter()
        part = await _once(_from(ask, begins_at), load, level, repeat, report)
        durations.append(max(answer.started + answer.latency for answer in part) - started)
        speeds.append(sum(answer.output_tokens for answer in part) / durations[-1])
        answers += part
        begins_at += len(part)  # other prompts: those of before may be kept in the server's prefix cache
    cpu_share = (time.process_time() - cpu) / (time.perf_counter() - wall)
    examples = {answer.error: answer.message for answer in reversed(answers) if answer.error}
    return {
        "concurrency": level.concurrency,
        "rate": level.rate,
        **metrics.summary(answers, sum(durations), {str(name): limit for name, limit in load.goodput.items()}),
        "runs": speeds,
        "tokens_counted_by": "server" if all(answer.counted for answer in answers if not answer.error) else "stream",
        "client_cpu": cpu_share,
        "error_examples": examples,
    }


def _from(ask: Ask, first: int) -> Ask:
    """Asks the prompts from `first` on."""
    return lambda number: ask(first + number)


async def _once(ask: Ask, load: Load, level: Level, repeat: int, report: "_Report") -> list[Answer]:
    if level.concurrency:
        return await levels.at_once(ask, level.concurrency, load.requests(), load.seconds, report.seen)
    rate = level.rate or 1.0
    count = load.requests() if load.seconds is None else min(load.requests(), max(1, int(rate * load.seconds)))
    return await levels.at_rate(ask, levels.moments(rate, count, load.seed + repeat), report.seen)


class _Report:
    """Says how far a level is, twice a second at most."""

    def __init__(self, out: Path, level: Level, load: Load, place: int, repeat: int) -> None:
        self._out, self._level, self._load = out, level, load
        self._done_before = place * load.repeats + repeat
        rungs = 1 if load.rate is not None else len(load.levels())
        self._total = None if load.until_saturated else float(rungs * load.repeats)
        self._began = self._said = time.perf_counter()

    def seen(self, answers: Sequence[Answer]) -> None:
        now = time.perf_counter()
        if now - self._said < REPORT_SECONDS:
            return
        self._said = now
        tokens, failed = sum(answer.output_tokens for answer in answers), sum(bool(answer.error) for answer in answers)
        speed = f"{tokens / (now - self._began):,.0f} tokens/s" + (f", {failed} failed" if failed else "")
        stage = f"{self._level.words()}: {len(answers):,}{self._of()} answered, {speed}"
        done = self._done_before + self._share(len(answers), now)
        events.append(self._out, events.Progress(done=done, total=self._total, stage=stage))

    def _of(self) -> str:
        return "" if self._load.seconds else f" of {self._load.requests():,}"

    def _share(self, answers: int, now: float) -> float:
        shares = [answers / self._load.requests()]
        if self._load.seconds:
            shares.append((now - self._began) / self._load.seconds)
        return min(1.0, max(shares))


def _write(path: Path, measured: Sequence[dict[str, Any]]) -> None:
    """Whole or not at all: the studio reads it while this goes on."""
    fresh = path.with_suffix(".tmp")
    fresh.write_bytes(orjson.dumps(measured))
    fresh.replace(path)


def machine() -> dict[str, Any]:
    """The machine the load generator runs on; of an outside server it says nothing."""
    names = [line.partition(":")[2].strip() for line in _cpu_lines() if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "cores": len(psutil.Process().cpu_affinity() if hasattr(psutil.Process, "cpu_affinity") else ())
        or psutil.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.release()}",
    }


def _cpu_lines() -> list[str]:
    try:
        return CPU_FACTS.read_text().splitlines()
    except OSError:
        return []


def versions(target: Target) -> dict[str, str]:
    """What computes the answers: vLLM says it at /version, our own server is transformers. Nothing of outside ones."""
    if not target.address.startswith(probe.UNIX):
        return {}
    try:
        with probe.open_client(target.address, timeout=5) as client:
            answer = client.get("http://backend/version")
            said = orjson.loads(answer.content) if answer.status_code == 200 else {}
    except httpx.HTTPError:  # it has died meanwhile: nobody knows what it was
        return {}
    except orjson.JSONDecodeError:
        said = {}
    if isinstance(said, dict) and said.get("version"):
        return {"backend_version": str(said["version"])[:100]}
    return {"backend_version": ", ".join(f"{name} {metadata.version(name)}" for name in ("transformers", "torch"))}


if __name__ == "__main__":
    contract.run(work)
