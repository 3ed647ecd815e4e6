"""`tunesmith endpoint parity`: whether what is served answers as what was trained."""

from typing import Annotated, Any

import typer

from app.cli import running_studio
from app.cli.data import follow_work
from app.cli.printed import as_json, say, say_json
from app.cli.serving.endpoints import Named, find
from engine.serve import parity

Rows = Annotated[int, typer.Option(help="Held-out rows of each run that are asked, beside eight fixed prompts.")]
Tokens = Annotated[int, typer.Option("--max-tokens", help="Tokens of each answer that are compared.")]


def compare(endpoint: Named, rows: Rows = parity.ROWS, max_tokens: Tokens = parity.TOKENS) -> None:
    """Ask an endpoint and the trained form the same, and compare token by token. Ends with 1 for a real difference."""
    with running_studio.engine(True):
        endpoint_row = find(endpoint)
        follow_work(parity.start(endpoint_row.id, rows, max_tokens))
        comparison = parity.look_up(endpoint_row.id)
    if as_json():
        say_json(comparison)
    else:
        _say(comparison)
    if (problem := parity.problem(comparison)) is not None:
        say(problem, err=True)
        raise typer.Exit(1)


def _say(comparison: dict[str, Any]) -> None:
    for name in comparison["names"]:
        say(f"{name['name']:<32} {_verdict(name)}")
        for difference in name["where"]:
            say(f"    {difference['prompt'][:60]!r} {_place(difference)}")
            say(f"      trained {difference['trained'][:100]!r}")
            say(f"      served  {difference['served'][:100]!r}")


def _verdict(name: dict[str, Any]) -> str:
    if name["identical"]:
        return f"identical in all {name['rows']} ({parity.asked(name)})"
    return f"{name['differs']} of {name['rows']} ({parity.asked(name)}) differ, {name['near_ties']} at near ties"


def _place(difference: dict[str, Any]) -> str:
    if difference["at"] is None:
        return "is read as other tokens"
    gap = "one has ended" if difference["gap"] is None else f"{difference['gap']:.2f} nats"
    return f"differs at token {difference['at'] + 1} ({gap})"
