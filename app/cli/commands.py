"""The command line: `tunesmith`, and its commands. Each calls the same engine functions as the window.

This file says which there are, and imports none of them: `tunesmith --help` needs nothing of the engine.
"""

import json
import os
import sys
from importlib import import_module, metadata
from typing import Annotated

import typer

from app.cli.completion import bash
from app.cli.late import Late, group_of
from engine.errors import RefusedError, TunesmithError

RUNS = "Runs: listed, followed, stopped, resumed, tagged, noted, archived, deleted, undone."
COMMANDS = {
    "import": Late(
        "data",
        "import_files",
        "Import files, a folder or a dataset of the hub into one dataset, and wait until every row is checked.",
    ),
    "probe": Late(
        "recipe",
        "probe",
        "Measure a training before it starts: memory, speed, time, disk, the largest batch that fits, a suggestion.",
    ),
    "check": Late(
        "recipe",
        "check",
        "Say what speaks against a training and how many rows it would learn from, cut or leave out. Starts nothing.",
    ),
    "export": Late(
        "exports",
        "export",
        "Take away what a run has trained: into a folder, or to the hub. Without --to it stays in the studio.",
    ),
    "report": Late(
        "evaluate",
        "report",
        "Say whether a training helped, and how sure that is; wait for the report if it is not written yet.",
    ),
    "samples": Late("runs.samples", "samples", "Show what a run answered to the fixed prompts at each step."),
    "prompts": Late("runs.samples", "prompts", "Show the fixed prompts of a project, or set them from a file."),
    "evaluate": Late(
        "evaluate", "evaluate", "Compare two models on the same rows, and say which is better and how sure that is."
    ),
    "script": Late(
        "runs.script",
        "script",
        "Write a run as a script on transformers, PEFT and TRL that trains the same.",
    ),
    "compare": Late("compare", "compare", "Show what differs between runs: recipe, data, and what came out."),
    "diagnose": Late(
        "runs.diagnose", "diagnose", "Say what goes wrong in a run by its curves, and what to try instead."
    ),
    "metrics": Late(
        "runs.metrics",
        "metrics",
        "Show every metric of a run: its last, least and greatest value. With --csv every point.",
    ),
    "benchmark": Late(
        "benchmarks",
        "benchmark",
        "Measure how fast an endpoint answers: time to first token, between tokens, tokens and requests a second.",
    ),
    "tune-endpoint": Late(
        "benchmarks",
        "tune_endpoint",
        "Try options of an endpoint under one load, each in a server of its own, and show the best.",
    ),
    "chat": Late("serving.chat", "chat", "Ask a served model, once or as a talk."),
    "chats": Late(
        "serving.chats",
        "COMMANDS",
        "Chats of the studio: listed, shown, renamed, shared, deleted, undone; votes made into datasets.",
    ),
    "serve-run": Late(
        "serving.serve_run",
        "serve_run",
        "Serve what a run has trained, its base beside it, under a name that programs can call.",
    ),
    "code": Late(
        "code.asking",
        "code",
        "Ask a served model about code: written as it comes, run and fixed in the sandbox if you like.",
    ),
    "export-sky": Late(
        "sky", "export_sky", "Write a training as a YAML file for `sky launch`, which runs it on machines in a cloud."
    ),
    "presets": Late(
        "presets",
        "list_presets",
        "List the presets: what each is for, and which values it sets.",
    ),
    # These two run until they are stopped: there is no end that could be told.
    "serve": Late("studio", "serve", "Start the studio and print the address to open.", has_json=False),
    "worker": Late(
        "running_studio",
        "worker",
        "Move queued work on, without the window: for further machines over a shared folder.",
        has_json=False,
    ),
    "doctor": Late("doctor", "show_doctor", "Say what this machine has for the studio, and what it lacks."),
    "train": Late(
        "training",
        "train",
        "Start a training. A studio that is running takes it; without one this command does the work and waits.",
    ),
    "sweep": Late(
        "sweeps.sweep",
        "start",
        "Start a sweep: search for better settings of a recipe by trials, each of them a training.",
    ),
    "sweeps": Late(
        "sweeps.results", "COMMANDS", "Sweeps: listed, shown, stopped, resumed, gone on with, deleted, undone."
    ),
    "add-model": Late(
        "models.added", "add", "Fetch a base model, or turn a GGUF file back into one, and wait until it is ready."
    ),
    "hub-token": Late(
        "models.hub",
        "hub_token_command",
        "Keep a token of the Hugging Face hub, read from the keyboard or a pipe; it is never shown again.",
    ),
    "list": Late("lists", "list_things", "List models, datasets or runs, newest first: id, status, name."),
    "verify": Late(
        "repair",
        "verify",
        "Hash every version, dataset and checkpoint again, and name what has changed. Ends with 1 where something has.",
    ),
    "repair": Late(
        "repair",
        "repair",
        "Make lost rows of models, datasets, runs, sweeps, versions and endpoints again from their folders.",
    ),
    "model": Late("models.commands", "COMMANDS", "Base models: listed, shown, added, deleted; the hub searched."),
    "data": Late("rows.preview", "COMMANDS", "Datasets: looked at, mapped, checked, changed, exported."),
    "endpoint": Late(
        "serving.commands",
        "COMMANDS",
        "Endpoints: made, listed, deployed to, put to sleep, stopped, deleted.",
    ),
    "evaluations": Late(
        "results.evaluations", "COMMANDS", "Evaluations: listed, shown, tagged, saved, stopped, deleted, undone."
    ),
    "benchmarks": Late(
        "results.benchmarks", "COMMANDS", "Benchmarks: listed, shown, compared, saved as files, stopped, deleted."
    ),
    "tuners": Late(
        "results.benchmarks", "TUNERS", "Tunings of endpoints: listed, shown, stopped, put to use, deleted."
    ),
    "exports": Late("results.exports", "COMMANDS", "Exports: listed, shown, deleted. `export` makes one."),
    "snippets": Late(
        "code.snippets", "COMMANDS", "Snippets of code: listed, shown, kept, renamed, compared, deleted, undone."
    ),
    "recipe": Late("recipes.saved", "COMMANDS", "Recipes: their schema, saved ones, what differs between two."),
    "project": Late("accounts.projects", "COMMANDS", "Projects: made, renamed, archived, restored, priced, deleted."),
    "key": Late("accounts.keys", "COMMANDS", "API keys for other programs: listed, made, revoked."),
    "usage": Late(
        "accounts.usage",
        "usage",
        "Show requests and tokens on /v1 by key, model or day; of the last thirty days if no other are given.",
    ),
    "requests": Late("accounts.usage", "requests", "Show the log of requests to /v1, the newest first."),
    "log": Late("machine.log", "log", "Print what a piece of work has written to its log."),
    "system": Late("machine.system", "system", "Show what the machine does now: processor, load, memory, disk, GPUs."),
    "lesson": Late(
        "machine.system",
        "lesson",
        "Start the first lesson, show how far it is, or stop it. It fetches the starter model, trains and serves it.",
    ),
    "notify": Late("notifications.commands", "COMMANDS", "What happened to runs, where messages go, a test message."),
    "links": Late("runs.live_links", "COMMANDS", "Live links: watch one run without a login."),
    "queue": Late("runs.queue", "commands", "The queue of trainings: shown, ordered, paused, set."),
    "registry": Late("registry", "COMMANDS", "Models kept by name: versions, aliases, log, clean-up."),
    "run": Late("runs.commands", "COMMANDS", RUNS),
    "runs": Late("runs.commands", "COMMANDS", RUNS, hidden=True),  # as it was called before
    "runtime": Late(
        "runtime",
        "COMMANDS",
        "Runtimes: vLLM, llama.cpp and llm-compressor, beside the studio.",
    ),
}

# Those of `tunesmith` itself; any other stands for `tunesmith serve`.
OWN_OPTIONS = ("--help", "--version", "--json", "--install-completion", "--show-completion")

cli = typer.Typer(
    help="Tunesmith, a fine-tuning studio for language models. Without a command it starts the studio.",
    cls=group_of(COMMANDS),
    no_args_is_help=False,
    pretty_exceptions_enable=False,
)


@cli.callback(invoke_without_command=True)
def before_any(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --version: as JSON.")] = False,
) -> None:
    """What stands before a command."""
    if version:
        number = metadata.version("tunesmith")
        typer.echo(json.dumps({"name": "tunesmith", "version": number}) if as_json else f"tunesmith {number}")
        raise typer.Exit
    if as_json:
        raise RefusedError(
            "`--json` stands before the command.", f"Write it after `{context.invoked_subcommand or ''}`."
        )


def main() -> None:
    """Entry point. `tunesmith --port 0` means `tunesmith serve --port 0`."""
    bash.joined(os.environ)
    arguments = sys.argv[1:]
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in OWN_OPTIONS):
        arguments.insert(0, "serve")
    try:
        cli(arguments, prog_name="tunesmith")
    except Exception as error:
        problem = error if isinstance(error, TunesmithError) else import_module("engine.faults").of_machine(error)
        if problem is None:
            raise
        escaped = import_module("engine.hidden").escaped
        typer.secho(escaped(problem.message), err=True, fg=typer.colors.RED)
        if problem.hint:
            typer.echo(escaped(problem.hint), err=True)
        raise SystemExit(1) from error
