"""`tunesmith model` and `tunesmith hub-token`: base models shown in full, the hub searched, a model checked before it
is fetched, and the token for what is private."""

import difflib
import json
import sys
from typing import Annotated, Any

import typer

from app.cli import running_studio
from engine import sizes
from engine.errors import ConflictError, NotFoundError
from engine.models import hub, hub_check, models, used
from engine.models.hub_check import Checked
from engine.process import hub_token
from storage import db
from storage import models as stored
from storage.tables import Model

COMMANDS = typer.Typer(help="Base models: shown, searched for on the hub, checked.", no_args_is_help=True)

ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="Name or id of a model of the studio.")]
HubArgument = Annotated[str, typer.Argument(metavar="OWNER/NAME", help="The model's id on the hub, or its address.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")]


@COMMANDS.command()
def show(model: ModelArgument, as_json: AsJson = False) -> None:
    """One model: what it is, where it lies, its runs and endpoints."""
    row = _named(model)
    uses = used.of(row.id)
    if as_json:
        runs = [{"id": run.id, "name": run.name, "status": run.status, "artifact": run.artifact} for run in uses.runs]
        serving = [{"name": endpoint.name, "status": backend.status} for endpoint, backend in uses.endpoints]
        extra = {"runs": runs, "endpoints": serving, "chat_template": used.template(row)}
        typer.echo(json.dumps(row.model_dump(mode="json") | extra, indent=2, ensure_ascii=False))
        return
    for name, value in _facts(row):
        typer.echo(f"{name:<14} {value}")
    for run in uses.runs:
        typer.echo(f"run            {run.id}  {run.status:<11} {run.name}{'' if run.artifact is None else '  *'}")
    for endpoint, backend in uses.endpoints:
        typer.echo(f"endpoint       {endpoint.name}  {backend.status}")
    if uses.results:
        typer.echo("* has left an adapter or a model: `tunesmith export RUN --to FOLDER`")


def _facts(row: Model) -> list[tuple[str, str]]:
    trained = {True: "can be trained here", False: f"cannot be trained here: {row.untrainable_reason}", None: "?"}
    facts = [
        ("id", row.id),
        ("name", row.name),
        ("status", " ".join(filter(None, [row.status, row.stage]))),
        ("problem", " ".join(filter(None, [row.error, row.hint]))),
        ("folder", row.path),
        ("size", sizes.in_words(row.size_bytes) if row.size_bytes else None),
        ("parameters", f"{row.parameters:,}" if row.parameters else None),
        ("context", f"{row.context_length:,} tokens" if row.context_length else None),
        ("architecture", row.architecture),
        ("licence", row.licence),
        ("chat template", {True: "yes", False: "no", None: None}[row.has_chat_template]),
        ("training", trained[row.trainable]),
        ("revision", row.revision),
    ]
    return [(name, value) for name, value in facts if value]


@COMMANDS.command()
def search(
    words: Annotated[list[str], typer.Argument(metavar="WORDS...", help="A part of the model's name.")],
    as_json: AsJson = False,
) -> None:
    """Search the hub for models that write text, the most downloaded first."""
    db.prepare()
    listed = hub.search(" ".join(words))
    if as_json:
        typer.echo(json.dumps(listed, indent=2, ensure_ascii=False))
        return
    for entry in listed:
        typer.echo(_entry_line(entry))
    if not listed:
        typer.echo("The hub has no such model with safetensors.")


def _entry_line(entry: dict[str, Any]) -> str:
    parameters = f"{entry['parameters'] / 1e9:.2f} B" if entry["parameters"] else "?"
    gated = "  gated" if entry["gated"] else ""
    downloads = entry["downloads"] or 0
    return f"{entry['id']:<52} {parameters:>9}  {downloads:>11,} downloads  {entry['licence'] or ''}{gated}".rstrip()


@COMMANDS.command()
def check(model: HubArgument, as_json: AsJson = False) -> None:
    """Say a hub model's size and whether it fits here, before it is fetched. Ends with 1 where it would not be."""
    db.prepare()
    checked = hub_check.check(model)
    if as_json:
        typer.echo(json.dumps(checked.to_json(), indent=2, ensure_ascii=False))
    else:
        for line in _checked_lines(checked):
            typer.echo(line)
    if not checked.can_be_fetched:
        raise typer.Exit(1)


def _checked_lines(checked: Checked) -> list[str]:
    facts = [
        ("model", checked.id),
        (
            "download",
            f"{sizes.in_words(checked.size_bytes)}, {sizes.in_words(checked.free_disk_bytes)} of disk is free",
        ),
        ("parameters", f"{checked.parameters:,}" if checked.parameters else None),
        ("context", f"{checked.context_length:,} tokens" if checked.context_length else None),
        ("architecture", checked.architecture),
        ("licence", checked.licence),
    ]
    memory = sizes.in_words(checked.memory_bytes)
    needs = [
        f"{need.tuning:<14} {sizes.in_words(need.memory_bytes)} of memory: "
        f"{'fits' if need.fits else 'does not fit'} ({memory} can be used)"
        for need in checked.needs
    ]
    refused = [f"no             {reason.message} {reason.hint}".rstrip() for reason in checked.refusals]
    warned = [f"but            {reason.message} {reason.hint}".rstrip() for reason in checked.warnings]
    here = [f"here           tunesmith model show {checked.model_id}"] if checked.model_id else []
    last = here or ([f"fetch it       tunesmith add-model {checked.id}"] if checked.can_be_fetched else [])
    return [f"{name:<14} {value}" for name, value in facts if value] + needs + warned + refused + last


@COMMANDS.command()
def cancel(model: ModelArgument) -> None:
    """End a download. What has arrived whole stays: `add-model` goes on with it."""
    typer.echo(models.cancel_model(_named(model).id).error)


@COMMANDS.command()
def delete(model: ModelArgument) -> None:
    """Delete a model and what was fetched; a folder of your own stays. Refused while something uses it."""
    row = _named(model)
    with running_studio.engine(False):
        models.delete_model(row.id)
    typer.echo(f"{row.name} is deleted.")


def hub_token_command(
    remove: Annotated[bool, typer.Option("--remove", help="Remove the token that is kept.")] = False,
) -> None:
    """Keep a token of the Hugging Face hub, read from the keyboard or a pipe; it is never shown again."""
    if remove:
        existed = hub_token.forget()
        typer.echo("The token is removed." if existed else "No token was kept.")
        return
    if sys.stdin.isatty():
        token = typer.prompt("Token of huggingface.co/settings/tokens", hide_input=True)
    else:
        token = sys.stdin.readline()
    hub_token.keep(token)
    typer.echo("The token is kept. It is not shown again.")


def _named(text: str) -> Model:
    """A model by its id or its name. Raises NotFoundError with the nearest names, ConflictError for a name of two."""
    db.prepare()
    with db.reading() as session:
        rows = stored.recent(session)
    matching = [row for row in rows if row.id == text] or [row for row in rows if row.name == text]
    if len(matching) > 1:
        raise ConflictError(f"{len(matching)} models are called `{text}`.", "Use the id: `tunesmith list models`.")
    if matching:
        return matching[0]
    near = difflib.get_close_matches(text, [row.name for row in rows], n=3, cutoff=0.5)
    hint = f"Did you mean {', '.join(f'`{name}`' for name in near)}?" if near else "`tunesmith list models` shows them."
    raise NotFoundError(f"There is no model `{text:.100}`.", hint)
