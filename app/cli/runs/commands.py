"""`tunesmith run`, or `tunesmith runs`: the list with its filters, and what people write on runs."""

import time
from typing import Annotated

import typer

from app.cli.called import RunName
from app.cli.printed import answer, as_json, say, say_json
from app.cli.runs import checkpoints, following, inside, matching
from app.cli.runs.facts import facts as _facts
from app.cli.runs.matching import AnyRuns, Every, Search, Shown, Which
from engine.errors import RefusedError
from engine.runs import bulk, changes, listing, runs
from engine.runs.changes import Change
from storage import db
from storage.statuses import RUN_ALIVE, RUN_MOVING
from storage.tables import Run

ABOUT = "Runs: listed, followed, stopped, resumed, tagged, noted, archived, deleted, undone."
COMMANDS = typer.Typer(help=ABOUT, no_args_is_help=True)

Off = Annotated[bool, typer.Option("--off", help="Do the opposite: take it away again.")]

COMMANDS.command()(following.follow)
COMMANDS.command()(following.resume)
COMMANDS.command()(following.log)
COMMANDS.command()(following.recipe)
COMMANDS.command()(checkpoints.checkpoints)
COMMANDS.command()(checkpoints.delete_checkpoint)
COMMANDS.command()(inside.machine)
COMMANDS.command("stuck")(inside.show_stuck)


@COMMANDS.callback()
def prepare() -> None:
    """Runs: listed, followed, stopped, resumed, tagged, noted, archived, deleted, undone."""
    db.prepare()


@COMMANDS.command("list")
def list_runs(
    search: Annotated[str, typer.Argument(metavar="[WORDS]", help="Words in the name, a tag or the note.")] = "",
    where: matching.Where = None,
    show: Annotated[Shown, typer.Option(help="What of the archive and of the favourites.")] = Shown.USUAL,
    sort: Annotated[
        str, typer.Option(help="A field, or metric:NAME:best or metric:NAME:last; with - before it from the top.")
    ] = listing.NEWEST,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
) -> None:
    """List runs of all projects, the newest first: id, status, loss, name, tags. The archive is left out."""
    asked = matching.wanted(where or (), search, show, order=listing.order(sort))
    listed = listing.page(asked, limit, 0)
    if as_json():
        return say_json([_facts(run) for run in listed.runs])
    for run in listed.runs:
        say(_line(run))
    if listed.total > len(listed.runs):
        say(f"{listed.total - len(listed.runs):,} more; --limit shows more of them.")


def _line(run: Run) -> str:
    loss = "" if run.loss is None else f"{run.loss:.4f}"
    marks = ("* " if run.favourite else "") + run.name + "".join(f"  #{tag}" for tag in run.tags)
    return f"{run.id}  {run.status.value:<11}  {loss:>8}  {marks}"


@COMMANDS.command()
def show(run_id: RunName) -> None:
    """Show a run: its status, progress, tags and note."""
    run = runs.look_up(run_id)
    if as_json():
        return say_json(_facts(run))
    say(_line(run))
    created = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.created_at))
    if run.status in RUN_MOVING:
        say(following.progress(run))
    took = f", took {following.span(run.seconds)}" if run.seconds is not None and run.status not in RUN_ALIVE else ""
    say(f"{run.method}, step {run.step} of {run.max_steps or '?'}, created {created}{took}")
    for text in (run.note, run.error, run.hint):
        if text:
            say(text)


@COMMANDS.command()
def rename(run_id: RunName, name: Annotated[str, typer.Argument(help="The new name.")]) -> None:
    """Give a run another name."""
    _changed(run_id, Change(name=name))


@COMMANDS.command()
def note(run_id: RunName, text: Annotated[str, typer.Argument(help="Markdown; empty for no note.")]) -> None:
    """Write the note of a run."""
    _changed(run_id, Change(note=text))


@COMMANDS.command()
def tag(
    tag: Annotated[str, typer.Argument(help="The tag.")],
    run_ids: AnyRuns = None,
    off: Off = False,
    where: Every = None,
    search: Search = None,
    show: Which = None,
) -> None:
    """Add a tag to runs, or take it from them."""
    _all("untag" if off else "tag", matching.chosen(run_ids, where, search, show), tag)


@COMMANDS.command()
def archive(
    run_ids: AnyRuns = None, off: Off = False, where: Every = None, search: Search = None, show: Which = None
) -> None:
    """Put runs into the archive, which the list leaves out, or take them out of it."""
    _all("unarchive" if off else "archive", matching.chosen(run_ids, where, search, show))


@COMMANDS.command()
def favourite(
    run_ids: AnyRuns = None, off: Off = False, where: Every = None, search: Search = None, show: Which = None
) -> None:
    """Mark runs as favourites, or no longer."""
    _all("unfavourite" if off else "favourite", matching.chosen(run_ids, where, search, show))


@COMMANDS.command()
def stop(run_ids: AnyRuns = None, where: Every = None, search: Search = None, show: Which = None) -> None:
    """Stop runs. One that trains saves a checkpoint first and can be resumed; of those that match, the rest stays."""
    _all("stop", matching.chosen(run_ids, where, search, show, only=RUN_MOVING))


@COMMANDS.command()
def delete(
    run_ids: AnyRuns = None,
    where: Every = None,
    search: Search = None,
    show: Which = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before all that match are deleted.")] = False,
) -> None:
    """Delete runs with their checkpoints, results and exports. `undo` brings them back for half a minute."""
    chosen = matching.chosen(run_ids, where, search, show)
    if chosen and not run_ids and not yes:
        runs_of = "1 run" if len(chosen) == 1 else f"{len(chosen):,} runs"
        typer.confirm(f"Delete {runs_of} with their checkpoints, results and exports?", abort=True, err=True)
    _all("delete", chosen)


@COMMANDS.command()
def undo(
    undo_id: Annotated[str | None, typer.Argument(metavar="ID", help="The last change when left out.")] = None,
) -> None:
    """Take back a change or deletion of the last half minute."""
    latest = changes.can_be_undone()
    if undo_id is None and not latest:
        raise RefusedError("There is nothing to undo.", "Only the last half minute can be undone.")
    words, restored = changes.undo(undo_id or latest[0].id)
    answer({"undone": words, "run_ids": restored}, f"Undone for {len(restored)}: {words}")


def _changed(run_id: str, change: Change) -> None:
    run, undo_id = changes.change(run_id, change)
    answer(_facts(run) | {"undo": undo_id}, _line(run))
    _say_undo(undo_id)


def _all(action: bulk.Action, run_ids: list[str], tag: str = "") -> None:
    outcome = bulk.act_on(action, run_ids, tag, bulk.MOST_MATCHING) if run_ids else bulk.Outcome()
    answer(outcome, f"{action}: {len(outcome.done)} of {len(outcome.done) + len(outcome.refused)} runs")
    for refused in outcome.refused:
        say(refused["message"], err=True)
    _say_undo(outcome.undo)
    if outcome.refused:
        raise typer.Exit(1)


def _say_undo(undo_id: str | None) -> None:
    if undo_id:
        say(f"For {changes.UNDO_SECONDS} s: tunesmith run undo {undo_id}")
