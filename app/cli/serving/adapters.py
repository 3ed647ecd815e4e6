"""`tunesmith endpoint adapter`: the adapters of an endpoint, added and removed while it answers."""

from typing import Annotated, Any

import typer

from app.cli.called import CHECKPOINT
from app.cli.printed import answer, as_json, say, say_json
from app.cli.serving.endpoints import Named, find
from engine import sizes
from engine.serve import adapters

COMMANDS = typer.Typer(help="Adapters of an endpoint, while it answers.", no_args_is_help=True)


@COMMANDS.command(name="add")
def add_adapter(
    endpoint: Named,
    run: Annotated[str, typer.Argument(help="A run by name or id, or RUN@STEP for a checkpoint.", **CHECKPOINT)],
    name: Annotated[
        str | None, typer.Option("--as", help="A name to make or to take over; the endpoint's own passes on too.")
    ] = None,
) -> None:
    """Load an adapter into an endpoint. It answers when this returns."""
    run_id, _, step = run.partition("@")
    added = adapters.add(find(endpoint).id, run_id, int(step) if step else None, name)
    answer(added, _line(added))


@COMMANDS.command(name="remove")
def remove_adapter(
    endpoint: Named,
    name: Annotated[str, typer.Argument(metavar="NAME", help="RUN, RUN@STEP, or a name that it was given.")],
) -> None:
    """Take an adapter, or one of its several names, out of an endpoint. Running answers are finished first."""
    row = find(endpoint)
    adapters.remove(row.id, name)
    answer({"endpoint_id": row.id, "name": name, "removed": True}, f"{row.name} no longer answers as {name}")


@COMMANDS.command(name="list")
def list_adapters(endpoint: Named) -> None:
    """List the adapters of an endpoint: status, memory, load time, names."""
    listed = adapters.listed(find(endpoint).id)
    if as_json():
        return say_json(listed)
    for facts in listed:
        say(_line(facts))
    return None


def _line(facts: dict[str, Any]) -> str:
    size = sizes.in_words(facts["size_bytes"]) if facts["size_bytes"] is not None else ""
    took = f"{facts['load_seconds'] * 1000:.0f} ms" if facts["load_seconds"] is not None else ""
    return f"{facts['subject']:<20} {facts['status']:<9} {size:>9} {took:>8}  {' '.join(facts['names'])}".rstrip()
