"""The machine of a run over REST: what it does now, what the run has used, and what a stuck worker does."""

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, NamedId
from engine.accounts import prices
from engine.process import stacks
from engine.process.meter import samples
from engine.runs import machine_use, runs, stuck
from storage import home
from storage.statuses import RUN_ALIVE

router = APIRouter(prefix="/runs", tags=["runs"])


class EnergyAnswer(Answer):
    what: str = Field(description="GPU 0, GPU 1 ... or processor, which is all processors of the machine.")
    wh: float | None = Field(description="Energy in Wh; null where it was not measured.")
    seconds: float = Field(description="For how long it was measured.")


class ExpectedAnswer(Answer):
    what: str = Field(description="seconds, memory_bytes or tokens_per_second.")
    expected: float | None = Field(description="Before the start; null where it was not known.")
    basis: str = Field(description="measured by a probe, or an estimate.")
    came: float | None = Field(description="What it came to, so far; null where it was not measured.")


class MachineAnswer(Answer):
    """All attempts of the run together, until now."""

    at: float | None = Field(description="When was looked last, seconds since 1970; null before the first look.")
    live: bool = Field(description="Whether the run is alive, so that `now` is what happens now.")
    now: dict[str, float] = Field(description="Name to value of the last look; the names of the metrics machine/NAME.")
    sizes: dict[str, float] = Field(description="How much there is in all of what `now` has in bytes.")
    missing: dict[str, str] = Field(description="What cannot be read on this machine, and why.")
    error: str = Field(description="Why nothing is looked at any more; empty while it is.")
    seconds: float | None = Field(description="How long the run was looked at; null for a run of an older studio.")
    device_hours: float | None = Field(description="The same in hours, times the devices it held.")
    energy: list[EnergyAnswer] = Field(description="Energy, part by part.")
    wh: float | None = Field(description="The sum of what was measured; null where nothing was.")
    energy_cost: float | None = Field(description="At the project's price per kWh; null without a price or energy.")
    device_cost: float | None = Field(description="At the project's price per device hour; null without a price.")
    currency: str = Field(description="The project's word for it.")
    expected: list[ExpectedAnswer] = Field(description="The forecast from before the start, and what it came to.")
    peaks: dict[str, float] = Field(description="The greatest value of each name in the whole run.")
    sampler_seconds: float | None = Field(description="Seconds of one core that looking has cost.")


class StackAnswer(Answer):
    pid: int = Field(description="The process.")
    text: str = Field(description="Its Python stack, the thread that runs first; secrets hidden, at most 64 kB.")
    state: str = Field(description="Why it gave no answer, if that is known.")
    left_out: int = Field(description="Threads that are not in the text.")


class StuckAnswer(Answer):
    since: float | None = Field(description="The last sign of life, seconds since 1970; null while it is not stuck.")
    last: dict[str, Any] | None = Field(
        description="The last time it was stuck: attempt, step, since, asked_at, ended."
    )
    stacks: list[StackAnswer] = Field(description="What each of its processes did when it was asked last.")


class AskedAnswer(Answer):
    processes: int = Field(description="How many processes were asked.")


@router.get("/{id}/machine", summary="The machine of a run", responses=NOT_FOUND)
def show_machine(run_id: NamedId) -> MachineAnswer:
    """What the machine does now beside a run, and what the run has used. Over time: the metrics `machine/...`."""
    run = runs.look_up(run_id)
    use = machine_use.of(run, prices.of_project(run.project_id))
    now = samples.latest(home.run_folder(run.id)) or samples.Now()
    return MachineAnswer(
        **use.__dict__,
        at=now.at or None,
        live=run.status in RUN_ALIVE,
        now=now.values,
        sizes=now.sizes,
        missing=now.missing,
        error=now.error,
        peaks=now.totals.peaks,
        sampler_seconds=now.totals.sampler_seconds if now.at else None,
    )


@router.get("/{id}/stuck", summary="What a stuck run does", responses=NOT_FOUND)
def show_stuck(run_id: NamedId) -> StuckAnswer:
    """Whether the run is stuck, and the Python stacks of its processes from when they were asked last."""
    run = runs.look_up(run_id)
    last = run.facts.stuck
    answers = [StackAnswer.model_validate(stack) for stack in stacks.read(home.run_folder(run.id))]
    return StuckAnswer(since=run.facts.stuck_since, last=last.model_dump() if last else None, stacks=answers)


@router.post("/{id}/stuck/ask", status_code=202, summary="Ask a run what it does", responses=NOT_FOUND | CONFLICT)
def ask_run(run_id: NamedId) -> AskedAnswer:
    """Asks every process of a run that lives for its Python stack. `GET /api/runs/{id}/stuck` has it a moment later."""
    return AskedAnswer(processes=stuck.ask(run_id))
