"""`tunesmith usage` and `tunesmith requests`: what came through /v1."""

import time
from dataclasses import asdict
from typing import Annotated, Any

import typer

from app.cli.printed import answer, answer_list, as_json, say_text
from engine.accounts import usage as counted
from engine.errors import RefusedError
from storage import db
from storage import usage as stored

BY = ("key", "model", "day")


def usage(
    by: Annotated[str, typer.Option(metavar="|".join(BY), help="What is summed up.")] = "key",
    since: Annotated[str | None, typer.Option(metavar="DAY", help="First day, as 2026-11-29 (UTC).")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="Last day; today when left out.")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="As CSV, for a spreadsheet.")] = False,
) -> None:
    """Show requests and tokens on /v1 by key, model or day; of the last thirty days if no other are given."""
    if by not in BY:
        raise RefusedError(f"`{by:.40}` is not one of {', '.join(BY)}.", "Say what is to be summed up.")
    db.prepare()
    lines = counted.lines(by, since, until)  # type: ignore[arg-type]  # looked at above
    if csv and not as_json():
        return say_text(counted.as_csv(lines))
    return answer_list([asdict(line) for line in lines], _line, "Nothing came through /v1 in that time.")


def requests(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of the newest.")] = 20,
    key: Annotated[str | None, typer.Option(metavar="ID", help="Only of the key with this id.")] = None,
) -> None:
    """Show the log of requests to /v1, the newest first."""
    db.prepare()
    with db.reading() as session:
        rows = [row.model_dump() for row in stored.recent(session, limit, 0, key)]
    answer(rows, "\n".join(_request(row) for row in rows) or "No request is kept.")


def _line(line: dict[str, Any]) -> str:
    return "  ".join(f"{name} {value}" for name, value in line.items() if value not in (None, ""))


def _request(row: dict[str, Any]) -> str:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row["at"]))
    shown = ("status", "model", "endpoint", "prompt_tokens", "completion_tokens", "seconds")
    return "  ".join((at, *(f"{name} {row[name]}" for name in shown if row.get(name) not in (None, ""))))
