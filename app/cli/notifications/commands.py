"""`tunesmith notify`: what happened, where messages go, and a message to try that with."""

import time
from typing import Annotated

import typer

from app.cli.printed import answer, as_json, say_json
from engine.notifications import settings, trying
from storage import db
from storage.outgoing import notices, outbox

COMMANDS = typer.Typer(help="What happened to runs, where messages go, a test message.", no_args_is_help=True)

MOST = 200


@COMMANDS.command("list")
def list_notifications(
    limit: Annotated[int, typer.Option("--limit", min=1, max=MOST, help="How many of the newest.")] = 20,
) -> None:
    """Show the newest notifications, and the places that messages go to with how the last one went."""
    db.prepare()
    with db.reading() as session:
        newest = notices.newest(session, limit)
    if as_json():
        return say_json({"notifications": newest, "sinks": settings.show()["sinks"]})
    for told in newest:
        unread = "*" if told.read_at is None else " "
        typer.echo(f"{unread} {_time(told.at)}  {told.kind:<11}  {told.title}")
    for sink in settings.show()["sinks"]:
        state = sink["state"]
        last = state["last"] or "nothing sent yet"
        typer.echo(
            f"{sink['id']}  {sink['service']:<8}  {'on ' if sink['enabled'] else 'off'}  {sink['name']}  "
            f"{state['to']}  {last}{': ' + state['outcome'] if state['outcome'] else ''}"
        )
    return None


@COMMANDS.command("log")
def show_log(
    limit: Annotated[int, typer.Option("--limit", min=1, max=MOST, help="How many of the newest.")] = 20,
) -> None:
    """Show what was sent where, and what came back."""
    db.prepare()
    with db.reading() as session:
        entries = outbox.newest(session, limit)
    if as_json():
        return say_json([
            {"at": sent.begun_at or sent.due_at, "sink": sink.name, "title": told.title, "state": sent.state,
             "attempts": sent.attempts, "outcome": sent.outcome}
            for sent, told, sink in entries
        ])  # fmt: skip
    for sent, told, sink in entries:
        tried = f"{sent.attempts} of 4" if sent.state == "waiting" else sent.state
        typer.echo(
            f"{_time(sent.begun_at or sent.due_at)}  {sink.name}  {told.title}  {tried}  {sent.outcome}".rstrip()
        )
    return None


@COMMANDS.command("test")
def send_test(
    sink: Annotated[str | None, typer.Argument(help="Id of one place; all that are on if left out.")] = None,
) -> None:
    """Send a test message, and say what came back. Ends with 1 where somebody did not take it."""
    db.prepare()
    tried = trying.try_sinks(sink)
    answer(tried, "\n".join(f"{'ok' if one.ok else 'FAILED':<7} {one.name}: {one.outcome}" for one in tried))
    raise typer.Exit(0 if all(one.ok for one in tried) else 1)


def _time(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
