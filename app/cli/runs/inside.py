"""`tunesmith run machine` and `stuck`: what a run uses, and what it does when it stands still."""

import time
from dataclasses import asdict
from typing import Annotated

import typer

from app.cli.called import RunName
from app.cli.printed import answer
from engine.accounts import prices
from engine.process import stacks
from engine.runs import machine_use, runs, stuck
from storage import home

ANSWER_SECONDS = 1.0  # within which a process that is asked writes its stack


def machine(run_id: RunName) -> None:
    """Show what a run has used of the machine: time, energy, what that has cost, and what was expected."""
    run = runs.look_up(run_id)
    use = asdict(machine_use.of(run, prices.of_project(run.project_id)))
    lines = [f"{name.replace('_', ' ')}: {value}" for name, value in use.items() if value not in (None, [], "")]
    answer({"id": run.id} | use, "\n".join(lines) or "Nothing was measured.")


def show_stuck(
    run_id: RunName, ask: Annotated[bool, typer.Option("--ask", help="Ask its processes now.")] = False
) -> None:
    """Say whether a run stands still, and where its processes are in their code."""
    run = runs.look_up(run_id)
    if ask:
        stuck.ask(run_id)
        time.sleep(ANSWER_SECONDS)
    told = [asdict(stack) for stack in stacks.read(home.run_folder(run.id))]
    since = run.facts.stuck_since
    words = "It does not stand still." if since is None else f"It stands still since {time.ctime(since)}."
    answer({"since": since, "stacks": told}, "\n\n".join([words, *(str(one["text"]) for one in told)]))
