"""`tunesmith endpoint`: how to call an endpoint, and what answers at an address somewhere else."""

from typing import Annotated

import typer

from app.cli.completion import names
from app.cli.printed import as_json, say, say_json
from app.cli.serving.chat import refuse_unserved
from engine.errors import RefusedError
from engine.serve import client_code, outside_look
from storage import db
from storage.settings import settings


def code(
    name: Annotated[
        str, typer.Argument(help="A name on /v1, such as jokes or jokes:base.", autocompletion=names.of("endpoint"))
    ],
    client: Annotated[str | None, typer.Option(help="Only this kind, such as curl or openai.")] = None,
    url: Annotated[str | None, typer.Option(help="The studio's address; the configured one when left out.")] = None,
) -> None:
    """Print code that calls an endpoint, for several kinds of programs."""
    db.prepare()
    refuse_unserved(name)
    snippets = client_code.clients(url or f"http://{settings().host}:{settings().port}", name)
    chosen = [snippet for snippet in snippets if client in (None, snippet.id)]
    if not chosen:
        kinds = ", ".join(snippet.id for snippet in snippets)
        raise RefusedError(f"There is no client `{client}`.", f"There are: {kinds}.")
    if as_json():
        return say_json(chosen)
    for snippet in chosen:
        say(snippet.code if client else f"## {snippet.title}: {snippet.about}\n\n{snippet.code}\n")
    return None


def look(
    url: Annotated[str, typer.Argument(help="An address such as http://127.0.0.1:11434.")],
    api_key_env: Annotated[str | None, typer.Option("--api-key-env", help="Variable with its key.")] = None,
) -> None:
    """Say which server answers at an address, and which models it has."""
    seen = outside_look.look(url, api_key_env)
    if as_json():
        say_json(seen)
    else:
        _say(seen)
    if seen.problems:
        raise typer.Exit(1)


def _say(seen: outside_look.Look) -> None:
    say(" ".join(part for part in (seen.url, seen.server or "unknown server", seen.version) if part))
    for model in seen.models:
        say(f"  {model.id}" + (f"  {model.context:,} tokens" if model.context else ""))
    for line in (*seen.notes, *seen.problems):
        say(line)
