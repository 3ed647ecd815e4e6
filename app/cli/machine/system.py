"""`tunesmith system`: what the machine does now; `tunesmith lesson`: the first lesson, started, shown, stopped."""

import time
from typing import Annotated, Any

import typer

from app.cli import running_studio
from app.cli.called import ProjectName
from app.cli.printed import answer, say
from engine import sizes
from engine.errors import NotFoundError, RefusedError, TunesmithError
from engine.lesson import lesson as lessons
from engine.system import machine_now
from storage import db, home
from storage.tables import DEFAULT_PROJECT, Lesson

LOOK_SECONDS = 0.2  # between the two looks by which the processor is judged
ACTS = ("start", "show", "stop")
OVER = ("ready", "failed")


def system() -> None:
    """Show what the machine does now: processor, load, memory, disk, GPUs."""
    machine_now.look()
    time.sleep(LOOK_SECONDS)
    now = machine_now.look().to_json()
    used, all_bytes = sizes.in_words(now["memory_used_bytes"]), sizes.in_words(now["memory_bytes"])
    lines = [
        f"home       {home.home()}",
        f"processor  {now['processor_percent']:.0f} % of {now['cores']} cores",
        f"memory     {used} of {all_bytes}",
        f"disk       {sizes.in_words(now['disk_free_bytes'])} free",
        *(_card(card) for card in now["cards"]),
        *now["missing"],
    ]
    answer(now | {"home": str(home.home())}, "\n".join(lines))


def _card(card: dict[str, Any]) -> str:
    busy = "?" if card["percent"] is None else f"{card['percent']:.0f}"
    used, memory = card["memory_used_bytes"], card["memory_bytes"]
    held = "" if used is None or memory is None else f", {sizes.in_words(used)} of {sizes.in_words(memory)}"
    return f"{card['name']:<9}  {busy} %{held}"


def lesson(
    act: Annotated[str, typer.Argument(metavar="|".join(ACTS), help="What to do with it.")] = "show",
    project: ProjectName = DEFAULT_PROJECT,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for the end, even if a studio does the work.")] = False,
) -> None:
    """Start the first lesson, show how far it is, or stop it. It fetches the starter model, trains and serves it."""
    db.prepare()
    match act:
        case "start":
            _start(project, follow)
        case "show":
            _say(_state(project))
        case "stop":
            _say(lessons.stop_lesson(project))
        case _:
            raise RefusedError(f"`{act:.40}` is not one of {', '.join(ACTS)}.", "Say what to do with the lesson.")


def _start(project: str, follow: bool) -> None:
    with running_studio.engine(follow) as waiting:
        begun = lessons.start_lesson(project)
        if waiting:
            begun = running_studio.follow(lambda: _state(project), lambda row: row.stage in OVER, _line, say)
    _say(begun)
    if begun.stage == "failed":
        raise TunesmithError(begun.error or "The lesson has failed.", "Start it again: it goes on where it failed.")


def _state(project: str) -> Lesson:
    state = lessons.state(project)
    if state is None:
        raise NotFoundError("The lesson was not started in this project.", "tunesmith lesson start")
    return state


def _line(row: Lesson) -> str:
    return f"lesson {row.stage}"


def _say(row: Lesson) -> None:
    answer(row.model_dump(), _line(row))
