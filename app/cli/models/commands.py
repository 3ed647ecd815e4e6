"""`tunesmith model`, with all that is below it."""

import typer

from app.cli.models import added, hub

COMMANDS = typer.Typer(help="Base models: listed, shown, added, deleted; the hub searched.", no_args_is_help=True)
COMMANDS.command("list")(added.list_models)
COMMANDS.command("show")(hub.show)
COMMANDS.command("search")(hub.search)
COMMANDS.command("suggested")(hub.suggested)
COMMANDS.command("check")(hub.check)
COMMANDS.command("add")(added.add)
COMMANDS.command("change")(added.change)
COMMANDS.command("retry")(added.retry)
COMMANDS.command("cancel")(hub.cancel)
COMMANDS.command("delete")(added.delete)
COMMANDS.command("undo")(added.undo)
