"""`tunesmith sweeps`: listed, shown, stopped, taken up again, gone on with."""

from typing import Annotated, Any

import typer

from app.cli import recipe as cli_recipe
from app.cli import running_studio
from app.cli.completion import names
from app.cli.printed import answer, as_json, say, say_json
from app.cli.runs.facts import facts as run_facts
from app.cli.runs.following import span
from app.cli.sweeps.sweep import SweepFile, facts, follow_until_over, line, spent_lines, tell_end
from app.cli.undone import UndoId, say_undo, say_undone
from engine import called
from engine.sweeps import cost, deleting, shown, sweeps, yaml_file
from engine.sweeps.study import differing
from storage import db
from storage.sweeps import sweeps as stored
from storage.tables import DEFAULT_PROJECT, Sweep

COMMANDS = typer.Typer(
    help="Sweeps: listed, shown, stopped, resumed, gone on with, deleted, undone.", no_args_is_help=True
)

Named = Annotated[str, typer.Argument(metavar="SWEEP", help="Its name or id.", autocompletion=names.of("sweep"))]
ProjectOption = Annotated[str, typer.Option("--project", help="Id of the project it belongs to.")]
Follow = Annotated[bool, typer.Option("--follow", help="Wait for the end, even if a studio does the work.")]
Numbers = Annotated[list[int], typer.Argument(metavar="NUMBER NUMBER...", help="Numbers of trials.")]
MOST = 1000


@COMMANDS.command("list")
def list_sweeps(
    limit: Annotated[int, typer.Option("--limit", min=1, max=MOST, help="How many of the newest.")] = 20,
) -> None:
    """Show the newest sweeps: id, name, how far each is, its best."""
    db.prepare()
    with db.reading() as session:
        listed = stored.recent(session, limit=limit)
    if as_json():
        return say_json([facts(sweep) for sweep in listed])
    for sweep in listed:
        say(f"{sweep.id}  {sweep.name}: {line(shown.described(sweep))}")
    return None


@COMMANDS.command("show")
def show_sweep(sweep: Named, project: ProjectOption = DEFAULT_PROJECT) -> None:
    """Show a sweep with every trial: its value, its settings, and why it was pruned, refused or failed."""
    db.prepare()
    described = shown.described(of(sweep, project))
    if as_json():
        return say_json(described)
    say(f"{described['id']}  {described['name']}: {line(described)}")
    for words in (described["reason"], described["error"], described["hint"]):
        if words:
            say(words)
    for title, words in spent_lines(described["id"]):
        say(f"{title.lower()}: {words}")
    if described["side_by_side"] < described["spec"]["parallel"]:
        say(f"{described['side_by_side']} at a time: more than that the devices here do not allow.")
    for trial in described["trials"]:
        say(_trial_line(trial))
    return None


def _trial_line(trial: dict[str, Any]) -> str:
    value = "-" if trial["value"] is None else f"{trial['value']:.5g}"
    phase = "" if trial["phase"] == "search" else f" {trial['phase']}"
    of_trial = "" if trial["of"] is None else f" of {trial['of']}"
    text = f"{trial['number']:>4}  {trial['state']:<8}  {value:>10}  {trial['run_id'] or '-':<12}  "
    return f"{text}{differing(trial['params'])}{phase}{of_trial}  {trial['reason']}".rstrip()


@COMMANDS.command("estimate")
def estimate_sweep(sweep_file: SweepFile) -> None:
    """Say how many trials a sweep's budget allows, how long it takes and what that costs. Starts nothing."""
    db.prepare()
    estimate = cost.ahead(yaml_file.read(cli_recipe.text_of(sweep_file)))
    if as_json():
        return say_json(estimate)
    say(f"trials      {'not known yet' if estimate.trials is None else estimate.trials}")
    if estimate.each:
        low, high = (span(seconds) for seconds in estimate.each)
        say(f"each        {low if low == high else f'{low} to {high}'} ({estimate.source}, from {estimate.basis})")
    if estimate.seconds is not None:
        say(f"in all      {span(estimate.seconds)}")
    for words in cli_recipe.spending_lines(estimate.spending) if estimate.spending else ():
        say(words)
    return None


@COMMANDS.command("stop")
def stop_sweep(sweep: Named, project: ProjectOption = DEFAULT_PROJECT) -> None:
    """Stop a sweep. Trials that train save a checkpoint first; `resume` continues them."""
    db.prepare()
    stopped = sweeps.stop(of(sweep, project).id)
    answer(facts(stopped), f"sweep {stopped.status}")


@COMMANDS.command("resume")
def resume_sweep(sweep: Named, project: ProjectOption = DEFAULT_PROJECT, follow: Follow = False) -> None:
    """Continue a sweep that was stopped or has failed."""
    _go_on(sweep, project, follow, lambda sweep_id: sweeps.resume(sweep_id))


@COMMANDS.command("more")
def add_trials(
    sweep: Named,
    trials: Annotated[int, typer.Argument(min=1, help="How many further trials.")],
    project: ProjectOption = DEFAULT_PROJECT,
    follow: Follow = False,
) -> None:
    """Go on with further trials. Of a sweep that is over, they alone decide when it ends."""
    _go_on(sweep, project, follow, lambda sweep_id: sweeps.more(sweep_id, trials))


@COMMANDS.command("rerun")
def rerun_failed(sweep: Named, project: ProjectOption = DEFAULT_PROJECT, follow: Follow = False) -> None:
    """Try the failed trials again, and nothing else."""
    _go_on(sweep, project, follow, lambda sweep_id: sweeps.rerun_failed(sweep_id))


@COMMANDS.command("full")
def train_in_full(
    sweep: Named, numbers: Numbers, project: ProjectOption = DEFAULT_PROJECT, follow: Follow = False
) -> None:
    """Train trials in full that a cheaper training or the pruner had made shorter."""
    _go_on(sweep, project, follow, lambda sweep_id: sweeps.train_in_full(sweep_id, numbers))


@COMMANDS.command("train-on")
def train_on(
    sweep: Named,
    number: Annotated[int | None, typer.Option("--trial", help="Number of the trial; the best when left out.")] = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="Optimiser steps of the new run.")] = None,
    epochs: Annotated[float | None, typer.Option("--epochs", help="Or how often it reads every row.")] = None,
    project: ProjectOption = DEFAULT_PROJECT,
) -> None:
    """Start a run of its own that begins with the weights of the best trial, and trains for longer."""
    db.prepare()
    run = sweeps.train_on(of(sweep, project).id, number, steps, epochs)
    answer(run_facts(run), f"run {run.id} {run.status}")


@COMMANDS.command("delete")
def delete_sweep(sweep: Named, project: ProjectOption = DEFAULT_PROJECT) -> None:
    """Forget a sweep that is over. Its runs stay. `undo` brings it back for half a minute."""
    db.prepare()
    sweep_id = of(sweep, project).id
    say_undo("sweeps", sweep_id, deleting.delete(sweep_id))


@COMMANDS.command("undo")
def undo(undo_id: UndoId = None) -> None:
    """Bring back the sweep that was deleted last, or another one by the id that `delete` gave."""
    db.prepare()
    say_undone(Sweep, undo_id, deleting.undo)


def of(named: str, project: str) -> Sweep:
    """The sweep with that id, or that name. Raises NotFoundError, AmbiguousError."""
    with db.reading() as session:
        return stored.by_name(session, project, named) or called.find(session, Sweep, named)


def _go_on(named: str, project: str, follow: bool, act: Any) -> None:
    with running_studio.engine(follow) as waiting:
        sweep: Sweep = act(of(named, project).id)
        say(f"sweep {sweep.id} {sweep.status}")
        if waiting:
            sweep = follow_until_over(sweep.id)
    tell_end(sweep, waiting)
