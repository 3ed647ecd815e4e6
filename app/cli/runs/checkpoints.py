"""`tunesmith run checkpoints`, `delete-checkpoint`: what a run has saved on its way, and one of them deleted alone."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from app.cli.called import CHECKPOINT, RunName
from app.cli.printed import answer, say
from engine.errors import RefusedError
from engine.runs import checkpoint_deleting, runs
from engine.sizes import in_words


def checkpoints(run_id: RunName) -> None:
    """List the checkpoints of a run: step, size, losses, and which is the newest, the best, or damaged."""
    listed = runs.checkpoints(run_id)
    answer(listed, "\n".join(map(_line, listed)) or "None yet. One is written every few steps, and at a stop.")


def _line(checkpoint: Mapping[str, Any]) -> str:
    losses = [
        f"{name} {checkpoint[key]:.4f}"
        for name, key in (("loss", "loss"), ("held out", "eval_loss"))
        if checkpoint[key] is not None
    ]
    marks = [word for word in ("best", "newest") if checkpoint[word]] or ([] if checkpoint["good"] else ["damaged"])
    return f"step {checkpoint['step']:>8,}  {in_words(checkpoint['size_bytes']):>9}  {', '.join((*losses, *marks))}"


def delete_checkpoint(
    checkpoint: Annotated[str, typer.Argument(help="RUN@STEP: a run by name or id, and a step.", **CHECKPOINT)],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete one checkpoint of a run for good. It is asked before, with what goes with it."""
    run_id, at, text = checkpoint.rpartition("@")
    if not at:
        raise RefusedError("No step is named.", "Write RUN@STEP. `tunesmith run checkpoints RUN` lists the steps.")
    run, step = runs.look_up(run_id), int(text)
    goes = checkpoint_deleting.what_goes(run, runs.checkpoints(run_id), step)
    if not yes:
        question = f"Delete the checkpoint of step {step:,} of {run.name}?"
        typer.confirm(" ".join(filter(None, (question, goes))), abort=True, err=True)
    deleted = checkpoint_deleting.delete(run_id, step)
    answer(deleted, f"deleted step {step:,} of {run.name}: {in_words(deleted['size_bytes'])} less")
    if yes and goes:
        say(goes)
