"""`tunesmith samples`: what a run has answered to the fixed prompts on its way, and the prompts of its project."""

import json
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from app.cli.called import PROJECT, RunName
from app.cli.printed import as_json, say, say_json
from engine.errors import TunesmithError
from engine.runs import runs
from engine.runs import samples as answers
from engine.runs.samples import Sample
from storage import db


def samples(
    run_id: RunName,
    step: Annotated[int | None, typer.Option(min=0, help="Only the answers of this step.")] = None,
    last: Annotated[bool, typer.Option("--last", help="Only the newest answers.")] = False,
) -> None:
    """Show what a run answered to the fixed prompts at each step."""
    db.prepare()
    runs.look_up(run_id)
    given = answers.last_of_each([run_id])[run_id] if last else answers.of_run(run_id)
    given = [sample for sample in given if step is None or sample.step == step]
    if as_json():
        return say_json([_plain(sample) for sample in given])
    if not given:
        say("There are no answers." if step is None else f"There are no answers of step {step}.")
    for number, of_step in groupby(given, lambda sample: sample.step):
        say(f"Step {number}")
        for sample in of_step:
            say(f"  {_lines(sample.prompt)}\n    {_lines(sample.answer) or '(empty)'}")
    return None


def prompts(
    project: Annotated[str, typer.Argument(help="Name or id of a project.", **PROJECT)] = "default",
    file: Annotated[
        Path | None, typer.Option("--set", metavar="FILE", help="A JSON list of 3 to 10 texts, or of none.")
    ] = None,
) -> None:
    """Show the fixed prompts of a project, or set them from a file."""
    db.prepare()
    texts = answers.prompts_of(project) if file is None else answers.set_prompts(project, _read(file))
    say_json(texts)  # without `--json` too: it is what --set reads


def _read(file: Path) -> list[str]:
    try:
        texts = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TunesmithError(f"{file} cannot be read as JSON.", str(error)) from error
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise TunesmithError(f"{file} does not hold a list of texts.", 'Write ["What is ...?", "Tell ..."].')
    return texts


def _plain(sample: Sample) -> dict[str, object]:
    return {name: getattr(sample, name) for name in ("step", "prompt", "answer", "tokens")}


def _lines(text: str) -> str:
    """On one line, and nothing in it that a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()
