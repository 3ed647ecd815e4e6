"""`tunesmith model`, with all that is below it."""

import typer

from app.cli.models import looked

COMMANDS = typer.Typer(help="Base models: shown, searched for on the hub, checked.", no_args_is_help=True)
COMMANDS.command("show")(looked.show)
COMMANDS.command("search")(looked.search)
COMMANDS.command("check")(looked.check)
COMMANDS.command("cancel")(looked.cancel)
COMMANDS.command("delete")(looked.delete)
