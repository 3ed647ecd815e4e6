"""The command line: `tunesmith`, and its commands. Each calls the same engine functions as the window."""

import logging
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.exc import DBAPIError

from app.cli import (
    adapters,
    benchmarks,
    code,
    data,
    doctor,
    endpoint_code,
    endpoints,
    evaluate,
    exports,
    parity,
    running_studio,
    runtime,
    script,
    shape,
    sky,
)
from app.cli import presets as cli_presets
from app.cli import recipe as cli_recipe
from app.cli import serve as server
from engine.errors import TunesmithError
from engine.faults import of_machine
from engine.models import models
from engine.process import logs
from engine.recipes import recipe
from engine.runs import runs
from storage import datasets as stored_datasets
from storage import db
from storage import models as stored_models
from storage import runs as stored_runs
from storage.settings import settings
from storage.statuses import RUN_MOVING, ModelStatus, RunStatus
from storage.tables import DEFAULT_PROJECT

cli = typer.Typer(
    help="Tunesmith, a fine-tuning studio for language models. Without a command it starts the studio.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cli.command(name="import")(data.import_files)
cli.command()(cli_recipe.probe)
cli.command()(cli_recipe.check)
cli.command()(exports.export)
cli.command()(evaluate.report)
cli.command()(evaluate.evaluate)
cli.command()(script.script)
cli.command()(benchmarks.benchmark)
cli.command(name="tune-endpoint")(benchmarks.tune_endpoint)
cli.command()(code.code)
cli.command(name="export-sky")(sky.export_sky)
cli.command(name="presets")(cli_presets.list_presets)
cli.add_typer(shape.COMMANDS, name="data")
endpoints.commands.add_typer(adapters.COMMANDS, name="adapter")
endpoints.commands.command("parity")(parity.compare)
endpoints.commands.command()(endpoint_code.code)
endpoints.commands.command()(endpoint_code.look)
cli.add_typer(endpoints.commands, name="endpoint")
cli.add_typer(runtime.COMMANDS, name="runtime")

NameOption = Annotated[str | None, typer.Option("--name", help="What lists show; the file's name when left out.")]
ProjectOption = Annotated[str, typer.Option("--project", help="Id of the project it will belong to.")]


class Noun(StrEnum):
    """What can be listed."""

    MODELS = "models"
    DATASETS = "datasets"
    RUNS = "runs"


def main() -> None:
    """Entry point. `tunesmith --port 0` means `tunesmith serve --port 0`."""
    arguments = sys.argv[1:]
    if not arguments or (arguments[0].startswith("-") and arguments[0] != "--help"):
        arguments.insert(0, "serve")
    try:
        cli(arguments, prog_name="tunesmith")
    except (TunesmithError, DBAPIError, OSError) as error:
        problem = error if isinstance(error, TunesmithError) else of_machine(error)
        if problem is None:
            raise
        typer.secho(problem.message, err=True, fg=typer.colors.RED)
        if problem.hint:
            typer.echo(problem.hint, err=True)
        raise SystemExit(1) from error


@cli.command()
def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. Default: TUNESMITH_HOST, or 127.0.0.1.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = None,
    share: Annotated[bool, typer.Option("--share", help="Also make a public read-only link.")] = False,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the studio in a browser.")] = True,
) -> None:
    """Start the studio and print the address to open."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logs.set_up()
    current_settings = settings()
    options = server.Options(
        host or current_settings.host, current_settings.port if port is None else port, share, browser
    )
    server.serve(options, typer.echo)


@cli.command()
def worker() -> None:
    """Move queued work on, without the window: for further machines over a shared folder."""
    running_studio.work_until_stopped(typer.echo)


@cli.command(name="doctor")
def show_doctor() -> None:
    """Say what this machine has for the studio, and what it lacks."""
    bad = False
    for finding in doctor.examine():
        bad = bad or finding.verdict == "bad"
        typer.echo(f"{finding.verdict:<5} {finding.what:<14} {finding.detail}")
    raise typer.Exit(1 if bad else 0)


@cli.command()
def train(
    recipe_file: Annotated[Path, typer.Argument(metavar="RECIPE.yaml", help="The recipe, as the Train page saves it.")],
    name: NameOption = None,
    project: ProjectOption = DEFAULT_PROJECT,
    preset: cli_presets.PresetOption = None,
    start_from: Annotated[str, typer.Option(help="A finished run whose weights it begins with.")] = "",
    follow: Annotated[bool, typer.Option("--follow", help="Wait for the end, even if a studio does the work.")] = False,
) -> None:
    """Start a training. A studio that is running takes it; without one this command does the work and waits."""
    text = cli_recipe.text_of(recipe_file)
    with running_studio.engine(follow) as waiting:
        train_recipe, source = cli_presets.recipe_of(text, preset or [])
        train_recipe = recipe.parse(train_recipe.model_dump() | ({"start_from": start_from} if start_from else {}))
        run = runs.start_run(name or recipe_file.stem, train_recipe, project, source=source)
        typer.echo(f"run {run.id} {run.status}")
        if waiting:
            run = running_studio.follow(lambda: runs.look_up(run.id), _is_over, _run_line, typer.echo)
    if waiting and run.status != RunStatus.SUCCEEDED:
        raise TunesmithError(run.error or f"The run ended as {run.status}.", run.hint or "")


@cli.command(name="add-model")
def add_model(
    source: Annotated[str, typer.Argument(help="starter, a folder, or an id on the hub.")] = "starter",
) -> None:
    """Fetch a base model and wait until it is ready."""
    with running_studio.engine(True):
        if source == "starter":
            model = models.add_model("starter")
        else:
            folder = Path(source)
            model = (
                models.add_model("path", str(folder.absolute())) if folder.is_dir() else models.add_model("hub", source)
            )
        finished = running_studio.follow(
            lambda: models.look_up(model.id), lambda row: row.status != ModelStatus.QUEUED, _model_line, typer.echo
        )
    if finished.status == ModelStatus.FAILED:
        raise TunesmithError(finished.error or "The model could not be fetched.", finished.hint or "")


@cli.command(name="list")
def list_things(noun: Annotated[Noun, typer.Argument(help="What to list.")] = Noun.RUNS) -> None:
    """List models, datasets or runs, newest first: id, status, name."""
    db.prepare()
    queries: dict[Noun, Callable[[Any], Sequence[Any]]] = {
        Noun.MODELS: stored_models.recent,
        Noun.DATASETS: stored_datasets.recent,
        Noun.RUNS: stored_runs.recent,
    }
    with db.reading() as session:
        for row in queries[noun](session):
            typer.echo(f"{row.id}  {row.status:<13} {row.name}")


def _is_over(run: Any) -> bool:
    return run.status not in RUN_MOVING


def _run_line(run: Any) -> str:
    loss = f" loss {run.loss:.4f}" if run.loss is not None else ""
    return f"{run.status} step {run.step}/{run.max_steps or '?'}{loss}"


def _model_line(row: Any) -> str:
    progress = f" {row.progress:.0%}" if row.progress is not None else ""
    return f"model {row.id} {row.status} {row.stage}{progress}".rstrip()
