"""docs/operations.md names every setting and every command."""

from pathlib import Path

from app.cli import commands
from app.cli.rows.preview import COMMANDS
from storage.settings import Settings

TEXT = (Path(__file__).parent.parent.parent / "docs" / "operations.md").read_text(encoding="utf-8")


def test_every_setting_is_documented() -> None:
    missing = [name for name in Settings.model_fields if f"`TUNESMITH_{name.upper()}`" not in TEXT]
    assert not missing


def test_every_command_is_documented() -> None:
    names = list(commands.COMMANDS)
    assert len(names) >= 19
    assert not [name for name in names if f"`tunesmith {name}" not in TEXT]


def test_every_command_about_datasets_is_documented_in_both_places() -> None:
    guide = (Path(__file__).parent.parent.parent / "docs" / "guide" / "data.md").read_text(encoding="utf-8")
    names = [command.name or getattr(command.callback, "__name__", "") for command in COMMANDS.registered_commands]
    assert len(names) >= 15
    assert not [name for name in names if f"tunesmith data {name}" not in TEXT]
    assert not [name for name in names if f"tunesmith data {name}" not in guide]
