"""`tunesmith endpoint`, with all that is below it."""

from app.cli import adapters, endpoint_code, endpoints, parity

COMMANDS = endpoints.commands
COMMANDS.add_typer(adapters.COMMANDS, name="adapter")
COMMANDS.command("parity")(parity.compare)
COMMANDS.command()(endpoint_code.code)
COMMANDS.command()(endpoint_code.look)
