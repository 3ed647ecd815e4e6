"""`tunesmith notify`: what happened, where messages go, and a message to try that with."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from app.cli.printed import answer, as_json, say, say_json
from engine.errors import NotFoundError, RefusedError
from engine.notifications import settings, trying
from engine.notifications.kinds import KINDS
from engine.notifications.sink import Sink
from storage import db
from storage.outgoing import notices, outbox

COMMANDS = typer.Typer(help="What happened to runs, where messages go, a test message.", no_args_is_help=True)

MOST = 200
BY_URL = ("webhook", "slack", "discord", "teams", "ntfy", "apprise")


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
        say(f"{unread} {_time(told.at)}  {told.kind:<11}  {told.title}")
    for sink in settings.show()["sinks"]:
        state = sink["state"]
        last = state["last"] or "nothing sent yet"
        say(
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
        say(f"{_time(sent.begun_at or sent.due_at)}  {sink.name}  {told.title}  {tried}  {sent.outcome}".rstrip())
    return None


@COMMANDS.command()
def show() -> None:
    """Show everything that is set, as `notify set` takes it. Secrets are never shown."""
    db.prepare()
    now = settings.show()
    answer(now, json.dumps(now, indent=2))


@COMMANDS.command("set")
def set_all(
    file: Annotated[Path, typer.Argument(metavar="SETTINGS.json", help="What `notify show` printed, changed.")],
) -> None:
    """Change what is in the file; what it leaves out stays. Of `sinks` the whole list is given."""
    db.prepare()
    try:
        wanted_settings = settings.Settings.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RefusedError(f"The settings of {file} cannot be used: {error}."[:400], "See `notify show`.") from error
    _say_made(settings.change(wanted_settings))


@COMMANDS.command()
def add(
    service: Annotated[str, typer.Argument(metavar="|".join(BY_URL), help="What takes the messages.")],
    name: Annotated[str, typer.Argument(help="What lists show.")],
    kind: Annotated[
        list[str] | None, typer.Option(metavar="|".join(KINDS), help="What it is told; repeatable. All by default.")
    ] = None,
) -> None:
    """Add a destination. Its address is a secret: it is read from the keyboard or a pipe. For e-mail: `notify set`."""
    if service not in BY_URL:
        raise RefusedError(f"`{service:.40}` is not one of {', '.join(BY_URL)}.", "E-mail is set by `notify set`.")
    db.prepare()
    asked = sys.stdin.isatty()
    url = typer.prompt("Its address", hide_input=True, err=True) if asked else sys.stdin.readline()
    try:
        sink = Sink.model_validate({"name": name, "service": service, "url": url.strip(), "kinds": kind or list(KINDS)})
    except ValueError as error:
        raise RefusedError(f"It cannot be added: {error}."[:400], "See `tunesmith notify add --help`.") from error
    _say_made(settings.set_sinks([*settings.as_sinks(), sink]))


@COMMANDS.command()
def remove(sink: Annotated[str, typer.Argument(metavar="ID", help="Id of a destination.")]) -> None:
    """Remove a destination with its secrets."""
    db.prepare()
    now = settings.as_sinks()
    if sink not in [one.id for one in now]:
        raise NotFoundError(f"There is no destination `{sink:.80}`.", "tunesmith notify list")
    settings.set_sinks([one for one in now if one.id != sink])
    answer({"id": sink, "removed": True}, "It is removed.")


@COMMANDS.command()
def read(
    number: Annotated[int | None, typer.Argument(metavar="NUMBER", help="One; all when left out.")] = None,
) -> None:
    """Mark notifications as read."""
    db.prepare()
    with db.session() as session:
        notices.mark_read(session, number)
    answer({"read": number or "all"}, "Marked as read.")


def _say_made(secrets: dict[str, str]) -> None:
    """What is set now, and the signing secrets that were made, which are shown this once."""
    lines = [f"{sink_id}: its calls are signed with {secret}" for sink_id, secret in secrets.items()]
    answer({**settings.show(), "made": secrets}, "\n".join(lines) or "It is set.")


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
