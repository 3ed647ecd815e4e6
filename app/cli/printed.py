"""What a command prints for other programs: JSON, with `--json`."""

from typing import Annotated, Any

import orjson
import typer

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")]


def say_json(value: Any) -> None:
    """One JSON text, indented; what is no number is null."""
    typer.echo(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode())
