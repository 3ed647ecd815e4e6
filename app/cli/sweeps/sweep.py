"""`tunesmith sweep`: a sweep started from a file, and waited for."""

from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import recipe as cli_recipe
from app.cli import running_studio
from app.cli.printed import answer, as_json, say
from engine.errors import TunesmithError
from engine.existing import existing
from engine.sweeps import shown, spent, sweeps, yaml_file
from engine.sweeps.study import differing
from storage import db
from storage.statuses import SWEEP_MOVING, SweepStatus
from storage.tables import DEFAULT_PROJECT, Sweep

SweepFile = Annotated[Path, typer.Argument(metavar="SWEEP.yaml", help="The sweep, as the Train page saves it.")]
NameOption = Annotated[str | None, typer.Option("--name", help="What lists show; the file's own when left out.")]
ProjectOption = Annotated[str, typer.Option("--project", help="Id of the project it will belong to.")]


def start(
    sweep_file: SweepFile,
    name: NameOption = None,
    project: ProjectOption = DEFAULT_PROJECT,
    follow: Annotated[bool, typer.Option("--follow", help="Wait for the end, even if a studio does the work.")] = False,
) -> None:
    """Start a sweep: search for better settings of a recipe by trials, each of them a training.

    A studio that is running does the work; without one this command does it and waits.
    """
    spec = yaml_file.read(cli_recipe.text_of(sweep_file))
    spec = spec.model_copy(update={"name": name}) if name else spec
    with running_studio.engine(follow) as waiting:
        sweep = sweeps.create(spec, project)
        say(f"sweep {sweep.id} {sweep.status}")
        if waiting:
            sweep = follow_until_over(sweep.id)
    tell_end(sweep, waiting)


def follow_until_over(sweep_id: str) -> Sweep:
    """Says each new line of a sweep until it is over."""
    return running_studio.follow(
        lambda: sweeps.look_up(sweep_id),
        lambda sweep: sweep.status not in SWEEP_MOVING,
        lambda sweep: line(shown.described(sweep)),
        say,
        facts,
    )


def facts(sweep: Sweep) -> dict[str, Any]:
    """How far a sweep is, as JSON takes it; its trials are in `sweeps show`."""
    return {name: value for name, value in shown.described(sweep).items() if name != "trials"}


def tell_end(sweep: Sweep, over: bool) -> None:
    """Where a sweep is, and why it is over, if it is. Raises TunesmithError when it has failed."""
    if as_json():
        answer(facts(sweep))
    if not over:
        return
    if sweep.status == SweepStatus.FAILED:
        raise TunesmithError(sweep.error or "The sweep has failed.", sweep.hint or "")
    if sweep.reason:
        say(sweep.reason)
    for title, words in spent_lines(sweep.id):
        say(f"{title.lower()}: {words}")


def spent_lines(sweep_id: str) -> list[tuple[str, str]]:
    """What its runs have used and cost, in words."""
    with db.reading() as session:
        return spent.in_words(spent.of_sweeps(session, [existing(session, Sweep, sweep_id)])[sweep_id])


def line(described: dict[str, Any]) -> str:
    """How far a sweep is: "running, 3 of 20 trials, 1 pruned, best 1.234 (trial 2: learning_rate=0.0002)"."""
    states = [trial["state"] for trial in described["trials"] if trial["phase"] == "search"]
    goal = described["goal"]
    counted = sum(state not in ("running", "refused") for state in states)
    parts = [str(described["status"]), f"{counted} of {goal} trials" if goal else f"{counted} trials"]
    parts += [f"{states.count(state)} {state}" for state in ("pruned", "refused", "failed") if state in states]
    if described["stage"] != "search":
        further = [trial["state"] for trial in described["trials"] if trial["phase"] in ("full", "repeat")]
        done = sum(state != "running" for state in further)
        parts += [f"{done} of {len(further)} after it"] if further else []
    if best := described["best"]:
        value = "" if best["value"] is None else f" {best['value']:.5g}"
        parts.append(f"best{value} (trial {best['number']}: {differing(best['params'])})")
    return ", ".join(parts)
