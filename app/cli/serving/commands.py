"""`tunesmith endpoint`, with all that is below it."""

from app.cli.serving import adapters, client_code, endpoints, life, parity

COMMANDS = endpoints.commands
COMMANDS.add_typer(adapters.COMMANDS, name="adapter")
COMMANDS.command("parity")(parity.compare)
COMMANDS.command()(client_code.code)
COMMANDS.command()(client_code.look)
for command in (life.show, life.create, life.start, life.idle, life.promote, life.delete):
    COMMANDS.command()(command)
