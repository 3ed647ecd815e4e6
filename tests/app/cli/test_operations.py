"""What can be done by REST can be done on the command line, or it is written why not."""

from tests.app.cli import operations
from tests.app.cli.test_json import tree


def test_every_operation_has_a_command_or_a_reason() -> None:
    named = operations.operations()
    assert len(named) > 200
    assert set(operations.COMMANDS) | set(operations.WITHOUT) == set(named)
    assert not set(operations.COMMANDS) & set(operations.WITHOUT)


def test_the_commands_that_are_named_exist() -> None:
    assert set(operations.COMMANDS.values()) - set(tree()) == set()
