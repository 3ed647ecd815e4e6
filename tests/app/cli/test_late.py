"""Commands that are imported when they are called: the list says what they say of themselves."""

import re
import subprocess
import sys
from typing import Any

import pytest
import typer

from app.cli.commands import COMMANDS, cli
from app.cli.late import Listed

HEAVY = ("engine.", "storage", "pages", "gradio", "fastapi", "sqlalchemy", "pydantic", "numpy", "torch")
LOOK = """
import sys
sys.argv = ["tunesmith", *sys.argv[1:]]
from app.cli.commands import main
try:
    main()
finally:
    print("MODULES", *sys.modules)
"""


def modules_after(*arguments: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", LOOK, *arguments], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("MODULES ")[2].split())


def test_the_help_imports_no_wing_of_the_engine_and_no_heavy_library() -> None:
    modules = modules_after("--help")
    assert "app.cli.commands" in modules
    assert {name for name in modules if name.startswith(HEAVY)} == {"engine.errors"}


def test_a_command_imports_its_own_program_alone() -> None:
    modules = modules_after("list", "--help")
    assert "app.cli.lists" in modules
    assert not modules & {"app.cli.data", "engine.life.life", "gradio", "fastapi", "numpy", "torch"}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_a_command_what_it_says_of_itself(name: str) -> None:
    group: Any = typer.main.get_command(cli)
    listed = group.commands[name]
    assert isinstance(listed, Listed)
    command = listed.loaded()
    first = command.help.strip().split("\n\n")[0]
    assert re.sub(r"\s+", " ", first) == COMMANDS[name].help
    assert command.name == name
