"""What a terminal obeys is shown and not obeyed, whoever wrote it."""

import ast
import os
import pty
import sys
from pathlib import Path

import pytest

from app.cli.printed import answer_list, say_text
from storage import db
from storage.tables import Dataset, Model
from tests import stored_runs
from tests.app.cli.test_commands import run

CLI = Path(__file__).parents[3] / "app" / "cli"
HOSTILE = "a\x1b[2Jb\u202ec"
SHOWN = "a<U+001B>[2Jb<U+202E>c"
WRITERS = {"printed.py", "commands.py", "following.py"}  # a line over a line, an error, and the rest of them all


def test_a_name_cannot_move_a_terminal() -> None:
    run_id = stored_runs.add(HOSTILE)
    with db.session() as session:
        session.get_one(Model, "m1").name = HOSTILE
        session.get_one(Dataset, "d1").name = HOSTILE
    for command in (
        ("list", "models"),
        ("list", "datasets"),
        ("list", "runs"),
        ("model", "list"),
        ("data", "list"),
        ("run", "list"),
        ("run", "show", run_id),
    ):
        ended = run(*command)
        assert "\x1b" not in ended.stdout + ended.stderr, command
        assert "\u202e" not in ended.stdout + ended.stderr, command
        assert SHOWN in ended.stdout, (command, ended)


def test_a_text_is_exact_in_a_file_and_shown_on_a_terminal(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    say_text(HOSTILE)
    assert capfd.readouterr().out == HOSTILE
    ours, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        say_text(HOSTILE)
        stream.flush()
        assert os.read(ours, 1000).decode() == SHOWN
    os.close(ours)


def test_a_list_keeps_its_lines(capfd: pytest.CaptureFixture[str]) -> None:
    answer_list([HOSTILE, "d\te"], str, "nothing")
    assert capfd.readouterr().out == f"{SHOWN}\nd\te\n"


def test_no_command_writes_past_it() -> None:
    names = {
        path.name
        for path in CLI.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("typer.echo", "typer.secho", "print")
    }
    assert names == WRITERS
