"""`tunesmith model show, search, suggested, check, cancel` and `hub-token`: a model in full, and the hub."""

import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

from app.cli.called import ModelName
from app.cli.printed import answer, as_json, say, say_json
from engine import sizes
from engine.models import hub, hub_check, models, used
from engine.models import suggested as suggestions
from engine.models.hub_check import Checked
from engine.process import hub_token
from storage import db
from storage.tables import Model

HubArgument = Annotated[str, typer.Argument(metavar="OWNER/NAME", help="The model's id on the hub, or its address.")]


def show(model_id: ModelName) -> None:
    """Show a model: what it is, where its files are, its runs and endpoints."""
    db.prepare()
    row = models.look_up(model_id)
    uses = used.of(row.id)
    if as_json():
        runs = [{"id": run.id, "name": run.name, "status": run.status, "artifact": run.artifact} for run in uses.runs]
        serving = [{"name": endpoint.name, "status": backend.status} for endpoint, backend in uses.endpoints]
        extra = {"runs": runs, "endpoints": serving, "chat_template": used.template(row)}
        say_json(row.model_dump(mode="json") | extra)
        return
    for name, value in _facts(row):
        say(f"{name:<14} {value}")
    for run in uses.runs:
        say(f"run            {run.id}  {run.status:<11} {run.name}{'' if run.artifact is None else '  *'}")
    for endpoint, backend in uses.endpoints:
        say(f"endpoint       {endpoint.name}  {backend.status}")
    if uses.results:
        say("* has left an adapter or a model: `tunesmith export RUN --to FOLDER`")


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


def search(
    words: Annotated[list[str], typer.Argument(metavar="WORDS...", help="A part of the model's name.")],
) -> None:
    """Search the hub for models that write text, the most downloaded first."""
    db.prepare()
    listed = hub.search(" ".join(words))
    if as_json():
        say_json(listed)
        return
    for entry in listed:
        say(_entry_line(entry))
    if not listed:
        say("The hub has no such model with safetensors.")


def _entry_line(entry: dict[str, Any]) -> str:
    parameters = f"{entry['parameters'] / 1e9:.2f} B" if entry["parameters"] else "?"
    gated = "  gated" if entry["gated"] else ""
    downloads = entry["downloads"] or 0
    return f"{entry['id']:<52} {parameters:>9}  {downloads:>11,} downloads  {entry['licence'] or ''}{gated}".rstrip()


def suggested() -> None:
    """List models of families that the studio knows: size in 16 bits, licence, and what they are for."""
    if as_json():
        say_json([asdict(one) | {"size_bytes": one.size_bytes} for one in suggestions.SUGGESTED])
        return
    for one in suggestions.SUGGESTED:
        terms = "  (terms to agree to)" if one.asks_terms else ""
        say(f"{one.id:<38} {sizes.in_words(one.size_bytes):>8}  {one.licence:<10}  {one.use}{terms}")


def check(model: HubArgument) -> None:
    """Say a hub model's size and whether it fits here, before it is fetched. Ends with 1 where it would not be."""
    db.prepare()
    checked = hub_check.check(model)
    if as_json():
        say_json(checked.to_json())
    else:
        for line in _checked_lines(checked):
            say(line)
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


def cancel(model_id: ModelName) -> None:
    """End a download. What has arrived whole stays: `add-model` goes on with it."""
    db.prepare()
    cancelled = models.cancel_model(model_id)
    answer({"id": cancelled.id, "name": cancelled.name, "status": cancelled.status}, cancelled.error or "")


def hub_token_command(
    remove: Annotated[bool, typer.Option("--remove", help="Remove the token that is kept.")] = False,
) -> None:
    """Keep a token of the Hugging Face hub, read from the keyboard or a pipe; it is never shown again."""
    if remove:
        existed = hub_token.forget()
        answer({"kept": False}, "The token is removed." if existed else "No token was kept.")
        return
    if sys.stdin.isatty():
        token = typer.prompt("Token of huggingface.co/settings/tokens", hide_input=True, err=True)
    else:
        token = sys.stdin.readline()
    hub_token.keep(token)
    answer({"kept": True}, "The token is kept. It is not shown again.")
