"""`tunesmith runtime`: what vLLM, llama.cpp and quantising need, installed beside the studio."""

from typing import Annotated

import typer

from app.cli import running_studio
from app.cli.printed import answer, as_json, say, say_json
from engine import sizes
from engine.errors import TunesmithError
from engine.process import trash, work
from engine.runtimes import kinds, runtimes
from storage import db
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Work

STILL = "What was in use before still is."
COMMANDS = typer.Typer(help="Runtimes: vLLM, llama.cpp and llm-compressor, beside the studio.", no_args_is_help=True)
Kind = Annotated[str, typer.Argument(metavar="KIND", help=f"One of {', '.join(kinds.KINDS)}.")]


@COMMANDS.command("list")
def list_runtimes() -> None:
    """List the runtimes: which are installed, which can be, and why the others cannot."""
    db.prepare()
    if as_json():
        return say_json(runtimes.describe_all())
    for facts in runtimes.describe_all():
        installed = facts["installed"]
        state = f"{installed['version']} installed" if installed else "not installed"
        say(f"{facts['kind']:<9} {state}{_extent(installed)}")
        if facts["version_before"]:
            say(f"          before: {facts['version_before']}")
        if not facts["is_current"] and facts["offered"]:
            say(f"          can be installed: {facts['offered']}{_needs(facts)}")
        if facts["reason"] and not installed:
            say(f"          {facts['reason']}")
        for note in facts["notes"]:
            say(f"          {note}")
    return None


def _extent(installed: dict[str, object] | None) -> str:
    size = installed["size_bytes"] if installed else 0
    return f", {sizes.in_words(size)}" if isinstance(size, int) and size > 1_000_000 else ""


def _needs(facts: dict[str, object]) -> str:
    download, disk = facts["download_bytes"], facts["disk_bytes"]
    if not isinstance(download, int) or not isinstance(disk, int):
        return ""
    minutes = facts["build_minutes"]
    building = f", builds for about {minutes} min" if minutes else ""
    return f" (downloads {sizes.in_words(download)}, needs {sizes.in_words(disk)} of free disk{building})"


@COMMANDS.command()
def install(
    kind: Kind,
    again: Annotated[
        bool, typer.Option("--again", help="Even where it is installed, and where this machine has its own.")
    ] = False,
) -> None:
    """Install a runtime, try it, put it into use. Waits, and ends with an error when it failed."""
    with running_studio.engine(True):
        facts = runtimes.describe(kind)
        say(f"{facts['title']}: {facts['offered'] or 'nothing to install'}{_needs(facts)}")
        started = runtimes.install(kind, again)
        finished = _followed(started) if started else None
        runtimes.tidy(kind)
    _free_disk()
    if finished is not None and finished.status != WorkStatus.SUCCEEDED:
        raise TunesmithError(finished.error or "The installation was cancelled.", finished.hint or STILL)
    facts = runtimes.describe(kind)
    lines = [f"{facts['installed']['version']} is in use: {facts['folder']}"]
    answer(facts, "\n  ".join([*lines, *facts["installed"]["checks"]]))


def _followed(started: Work) -> Work:
    """Waits for the end, saying how far it is. Ctrl+C cancels it: nobody expects it to go on behind their back."""
    try:
        return running_studio.follow(lambda: work.wait(started.id, 1), _is_over, _line, say)
    except KeyboardInterrupt:
        return work.stop(started.id)


def _is_over(row: Work) -> bool:
    return row.status not in WORK_MOVING


def _line(row: Work) -> str:
    share = f" {row.progress:.0%}" if row.progress is not None else ""
    return f"{row.status} {row.stage}{share}".rstrip()


@COMMANDS.command()
def cancel(kind: Kind) -> None:
    """End an installation that is under way; what was in use before stays."""
    db.prepare()
    runtimes.cancel(kind)
    _free_disk()
    answer({"kind": kind, "cancelled": True})


@COMMANDS.command()
def back(kind: Kind) -> None:
    """Use the version before this one again; a second time returns to the newer one."""
    db.prepare()
    runtimes.roll_back(kind)
    facts = runtimes.describe(kind)
    answer(facts, f"{facts['installed']['version']} is in use.")


@COMMANDS.command()
def uninstall(kind: Kind) -> None:
    """Remove every version of a runtime."""
    db.prepare()
    runtimes.uninstall(kind)
    _free_disk()
    answer({"kind": kind, "removed": True}, f"{kind} is removed.")


@COMMANDS.command()
def log(
    kind: Kind,
    lines: Annotated[int, typer.Option("--lines", min=1, max=100_000, help="How many of the last lines.")] = 400,
) -> None:
    """Print what the newest installation has said."""
    db.prepare()
    text = runtimes.log(kind, lines)
    answer({"kind": kind, "text": text}, text)


def _free_disk() -> None:
    """Without a studio nobody else would."""
    if not running_studio.studio_runs():
        trash.empty()
