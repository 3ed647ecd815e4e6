"""The checks of the house find what they are there to find."""

import ast
from pathlib import Path

import pytest

from tests import ceilings


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ceilings, "ROOT", tmp_path)
    return tmp_path


def write(house: Path, **files: str) -> list[Path]:
    names = [Path(*name.split("__")).with_suffix(".py") for name in files]
    for name, text in zip(names, files.values(), strict=True):
        (house / name).parent.mkdir(parents=True, exist_ok=True)
        (house / name).write_text(text)
    return names


def test_two_folders_that_import_each_other_are_found(house: Path) -> None:
    files = write(
        house,
        engine__runs__runs="from engine.data import rows\n",
        engine__data__rows="x = 1\n",
        engine__data__health="from engine.runs.runs import start\n",
        engine__life="from engine.runs import runs\n",
    )
    assert ceilings.circles(files) == ["engine: data -> runs import each other in a circle"]


def test_a_circle_of_three_files_is_found_and_a_chain_is_none(house: Path) -> None:
    chain = write(house, engine__one="from engine import two\n", engine__two="from engine import three\n")
    assert ceilings.circles(chain) == []
    circle = [*chain, *write(house, engine__three="from engine import one\n")]
    assert ceilings.circles(circle) == ["engine: one -> three -> two import each other in a circle"]


def test_a_full_folder_is_found() -> None:
    files = [Path(f"engine/runs/file_{number}.py") for number in range(ceilings.FOLDER_FILES + 1)]
    assert ceilings.full_folders(files[1:]) == []
    assert len(ceilings.full_folders(files)) == 1


def test_a_file_that_repeats_its_folder_is_found() -> None:
    files = [Path("engine/data/data.py"), Path("engine/data/health.py"), Path("engine/runs/run_events.py")]
    assert ceilings.repeated_names(files) == ["engine/runs/run_events.py: the folder says `runs` already"]


def test_a_room_without_a_wing_is_found() -> None:
    files = [Path("engine/data/data.py"), Path("pages/data/page.py"), Path("app/api/sweeps/sweeps.py")]
    assert ceilings.lost_rooms(files) == ["app/api/sweeps: there is no engine/sweeps"]


def test_a_variable_that_does_not_say_what_it_is_is_told() -> None:
    lines = ["class Part:", "    found: int", "def look() -> int:", "    found = 1", "    return found"]
    problems = ceilings.empty_names(Path("engine/look.py"), ast.parse("\n".join(lines)))
    assert problems == ["engine/look.py:4: `found` does not say what it is"]


def test_a_long_function_is_found(house: Path) -> None:
    body = "def long() -> None:\n" + "    print(1)\n" * ceilings.FUNCTION_LINES
    (name,) = write(house, engine__long=body)
    assert ceilings.too_long(house / name) == ["engine/long.py:1: long has 41 lines, at most 40"]
