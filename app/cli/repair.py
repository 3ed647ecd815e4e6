"""`tunesmith verify` and `tunesmith repair`: what has changed on the disk, and rows made again from folders."""

import typer

from app.cli import running_studio
from app.cli.printed import as_json, say, say_json
from engine import sizes
from engine.errors import ConflictError
from engine.registry import verify as verification
from engine.registry.repair import repair as repairing
from storage import db


def verify() -> None:
    """Hash every version, dataset and checkpoint again, and name what has changed. Ends with 1 where something has."""
    db.prepare()
    if as_json():
        everything = list(verification.everything())
        say_json(everything)
        raise typer.Exit(1 if any(checked.problems for checked in everything) else 0)
    things, bad, size = 0, 0, 0
    for checked in verification.everything():
        things, size = things + 1, size + checked.size_bytes
        bad += bool(checked.problems)
        say(f"{'CHANGED' if checked.problems else 'ok':<8} {checked.name}  {sizes.in_words(checked.size_bytes)}")
        for problem in checked.problems:
            say(f"         {problem}")
    say(f"{things} things, {sizes.in_words(size)}: {f'{bad} changed' if bad else 'nothing has changed'}")
    raise typer.Exit(1 if bad else 0)


def repair() -> None:
    """Make lost rows of models, datasets, runs, sweeps, versions and endpoints again from their folders."""
    if running_studio.studio_runs():
        raise ConflictError("The studio is running on this home.", "Stop it, repair, then start it again.")
    outcome = repairing.repair()
    if as_json():
        return say_json(outcome)
    for noun, named in outcome.rebuilt.items():
        say(f"{len(named)} {noun}: {', '.join(named[:10])}{' ...' if len(named) > 10 else ''}")
    if not outcome.rebuilt:
        say("The database lacks nothing that a folder could give back.")
    for note in outcome.notes:
        say(note)
    if outcome.rebuilt:
        say(repairing.LOST)
    return None
