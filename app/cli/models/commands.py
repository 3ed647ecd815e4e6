"""`tunesmith model`, with all that is below it."""

import typer

from app.cli.models import added

COMMANDS = typer.Typer(help="Base models: listed, added, deleted.", no_args_is_help=True)
COMMANDS.command("list")(added.list_models)
COMMANDS.command("add")(added.add)
COMMANDS.command("delete")(added.delete)
