"""`tunesmith queue`: what runs, what waits and for what, its order, its pause and its settings."""

from typing import Annotated, Any

import typer

from app.cli.called import RUN, RunName, run_id
from app.cli.printed import AsJson, answer, say, say_json
from engine import sizes
from engine.errors import RefusedError
from engine.runs.queue import changes, freeing, holders, waits
from storage import db
from storage.tables import Run

commands = typer.Typer(help="The queue of trainings: shown, ordered, paused, set.")

MOST_SHOWN = 1000


@commands.callback(invoke_without_command=True)
def show(context: typer.Context, as_json: AsJson = False) -> None:
    """Show what runs, what waits and for what, and who holds the devices."""
    db.prepare()
    if context.invoked_subcommand is not None:
        if as_json:
            raise RefusedError("`--json` stands before the command.", f"Write it after `{context.invoked_subcommand}`.")
        return
    queue = waits.look(MOST_SHOWN)
    if as_json:
        return say_json(_plain(queue))
    _say(queue)
    return None


def _plain(queue: waits.Queue) -> dict[str, Any]:
    waiting = [
        _facts(row.run) | {"place": row.place, "waits_for": row.wait.words, "remedy": row.wait.remedy}
        for row in queue.waiting
    ]
    running = [_facts(run) for run in queue.running]
    settings, devices = queue.settings.model_dump(), holders.by_device()
    return {"settings": settings, "running": running, "waiting": waiting, "total": queue.total, "devices": devices}


def _facts(run: Run) -> dict[str, Any]:
    return {name: getattr(run, name) for name in ("id", "name", "status", "priority", "device", "step", "max_steps")}


def _say(queue: waits.Queue) -> None:
    if queue.settings.paused_at is not None:
        say(f"paused  {queue.settings.pause_reason}".rstrip())
    for run in queue.running:
        say(f"{run.id}  {run.status:<9} {run.device or '-':<6} step {run.step}/{run.max_steps or '?'}  {run.name}")
    for row in queue.waiting:
        words = f"{row.wait.words} {row.wait.remedy}".strip()
        say(f"{row.run.id}  {row.place:>4}. priority {row.run.priority:<4} {row.run.name}  ({words})")
    if queue.total > len(queue.waiting):
        say(f"... and {queue.total - len(queue.waiting):,} more")
    for device in holders.by_device():
        free = "" if device.free_bytes is None else f", {sizes.in_words(device.free_bytes)} free"
        say(f"{device.name}: {sizes.in_words(device.memory_bytes)}{free}")
        for holder in device.holders:
            say(f"  {holder.kind} {holder.id}  {_size(holder.memory_bytes)}  {holder.name}")


@commands.command()
def pause() -> None:
    """Pause the queue: no run is started, also after a restart. What runs goes on."""
    answer(changes.pause(), "The queue is paused.")


@commands.command()
def resume() -> None:
    """Let the queue go on."""
    answer(changes.go_on(), "The queue goes on.")


@commands.command()
def order(
    runs: Annotated[
        list[str],
        typer.Argument(help="Runs that wait, in the order wanted, by name or id.", **RUN),
    ],
) -> None:
    """Put waiting runs into this order; they keep the places in the queue that they have together."""
    changes.reorder(runs)
    answer({"order": runs}, f"The order is changed: {' '.join(runs)}")


@commands.command()
def change(
    run: RunName,
    priority: Annotated[int | None, typer.Option(help="From -100 to 100; a greater one starts earlier.")] = None,
    after: Annotated[
        str | None, typer.Option(metavar="RUN", help="The run at whose end it starts; none: it waits for none.")
    ] = None,
    any_end: Annotated[
        bool | None,
        typer.Option("--any-end/--only-if-succeeded", help="Start it however that run ends, or only if it succeeds."),
    ] = None,
) -> None:
    """Change the priority of a run that waits, or after which run it starts."""
    if priority is None and after is None and any_end is None:
        raise RefusedError("Nothing is to be changed.", "Give --priority, --after or --any-end.")
    changed = changes.change(run, priority, _after(after), None if any_end is None else not any_end)
    wait = waits.wait_of(changed)
    facts = _facts(changed) | {"after": changed.after_run_id, "waits_for": wait.words, "remedy": wait.remedy}
    answer(facts, f"{changed.name}: priority {changed.priority}. Waits for: {wait.words}")


def _after(text: str | None) -> str | None:
    return "" if text == "none" else text and run_id(text)


@commands.command()
def free(
    act: Annotated[str, typer.Argument(metavar="|".join(freeing.ACTS), help="How its memory becomes free.")],
    holder: Annotated[str, typer.Argument(metavar="ID", help="Who holds it, as `tunesmith queue` lists it.")],
) -> None:
    """Stop who holds memory of a device, or send an endpoint to sleep."""
    if act not in freeing.ACTS:
        raise RefusedError(f"`{act:.40}` is not one of {', '.join(freeing.ACTS)}.", "Say how it becomes free.")
    freeing.free(act, holder)
    answer({"act": act, "id": holder}, "It is being freed.")


@commands.command("set")
def set_behaviour(
    after_failure: Annotated[str | None, typer.Option(help="go-on, or stop: pause the queue.")] = None,
    sleep_idle_minutes: Annotated[
        str | None,
        typer.Option(help="While a run trains, endpoints sleep that nobody has asked for so long; never: none does."),
    ] = None,
) -> None:
    """Set what the queue does after a failure, and with endpoints that nobody asks. What is left out stays."""
    now = changes.settings()
    stop, minutes = now.stop_after_failure, now.sleep_idle_minutes
    if after_failure is not None:
        if after_failure not in ("go-on", "stop"):
            raise RefusedError(f"`--after-failure` is {after_failure!r:.40}.", "Give go-on or stop.")
        stop = after_failure == "stop"
    if sleep_idle_minutes is not None:
        minutes = None if sleep_idle_minutes == "never" else _minutes(sleep_idle_minutes)
    state = changes.set_behaviour(stop, minutes)
    answer(state, f"After a failure: {'stop' if stop else 'go-on'}. Sleep of idle endpoints: {minutes or 'never'}.")


def _minutes(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise RefusedError(f"`--sleep-idle-minutes` is {text!r:.40}.", "Give minutes, or never.") from None


def _size(count: int | None) -> str:
    return "memory not known" if count is None else sizes.in_words(count)
