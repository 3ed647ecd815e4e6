"""`tunesmith sweeps`: its trials and its study as files, and which of two trials a person finds better."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from app.cli import running_studio
from app.cli.data import follow_work
from app.cli.printed import answer
from app.cli.sweeps.commands import COMMANDS as COMMANDS
from app.cli.sweeps.commands import Named, ProjectOption, of
from engine.errors import RefusedError
from engine.sweeps import sweeps
from engine.sweeps.results import study_file
from engine.sweeps.results.trials_csv import trials_csv
from storage import db
from storage.tables import DEFAULT_PROJECT


@COMMANDS.command()
def save(
    sweep: Named,
    to: Annotated[Path, typer.Argument(metavar="FILE", help="A new file: .csv, or .db for `optuna.load_study`.")],
    project: ProjectOption = DEFAULT_PROJECT,
) -> None:
    """Write every trial to a CSV file, or the study to a file that Optuna opens."""
    if to.suffix not in (".csv", ".db") or to.exists():
        problem = "is there already" if to.exists() else "ends in neither .csv nor .db"
        raise RefusedError(f"{to} {problem}.", "Choose another name.")
    db.prepare()
    picture = sweeps.picture(of(sweep, project).id)
    if to.suffix == ".csv":
        to.write_text(trials_csv(picture), encoding="utf-8")
    else:
        with running_studio.engine(True):
            follow_work(study_file.make(picture))
        shutil.copyfile(study_file.path(picture), to)
    answer({"path": str(to), "bytes": to.stat().st_size}, f"Written to {to}.")


@COMMANDS.command()
def pick(
    sweep: Named,
    better: Annotated[int, typer.Argument(help="Number of the trial with the better answers.")],
    worse: Annotated[int, typer.Argument(help="Number of the other one.")],
    alike: Annotated[bool, typer.Option("--alike", help="Neither is better.")] = False,
    project: ProjectOption = DEFAULT_PROJECT,
) -> None:
    """Say which of two trials has the better answers, where taste decides."""
    db.prepare()
    sweeps.pick(of(sweep, project).id, better, worse, alike)
    answer({"better": better, "worse": worse, "alike": alike}, "Noted.")
