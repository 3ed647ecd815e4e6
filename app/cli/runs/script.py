"""`tunesmith script`: a run as a Python script or a notebook that trains the same without the studio."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.called import RunName
from app.cli.printed import answer, as_json, say_text
from engine.errors import RefusedError, TunesmithError
from engine.runs.script import downloads
from storage import db


def script(
    run: RunName,
    notebook: Annotated[bool, typer.Option("--notebook", help="As a Jupyter notebook.")] = False,
    requirements: Annotated[bool, typer.Option("--requirements", help="Only its packages, for pip.")] = False,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Where to write it; shown when left out.")
    ] = None,
) -> None:
    """Write a run as a script on transformers, PEFT and TRL that trains the same."""
    if notebook and requirements:
        raise RefusedError("--notebook and --requirements are two different files.", "Ask for one at a time.")
    db.prepare()
    make = downloads.notebook if notebook else downloads.requirements if requirements else downloads.script
    file = make(run)
    if to is None:
        answer({"path": None, "text": file.text})
        if not as_json():
            say_text(file.text)
        return
    if to.exists():
        raise RefusedError(f"{to} exists already.", "Choose another file.")
    try:
        to.write_text(file.text, encoding="utf-8")
    except OSError as error:
        raise TunesmithError(f"{to} cannot be written.", str(error)) from error
    answer({"path": str(to), "text": file.text}, str(to))
