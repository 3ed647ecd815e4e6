"""What a command prints for other programs: JSON, with `--json`."""

from typing import Annotated, Any

import orjson
import typer
from pydantic import BaseModel

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")]


def say_json(value: Any) -> None:
    """One JSON text, indented, of plain values, dataclasses and pydantic's models. What is no number is null."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    typer.echo(orjson.dumps(value, default=_plain, option=options).decode())


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)
