"""Pairs that must say the same: the map and the files, docs and the pages, settings and operations.md."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from app.window import studio
from engine.recipes.choices.methods import Name as Method
from engine.recipes.recipe import Recipe
from storage.settings import Settings
from tests import project_map

DOCS = project_map.ROOT / "docs"


def test_the_folders_in_the_readme_are_those_on_disk() -> None:
    assert project_map.tree_in_readme() == project_map.tree_for_readme(), "run `python -m tests.project_map --write`"


def test_the_folders_in_the_readme_fit_a_screen() -> None:
    lines = project_map.tree().splitlines()
    assert len(lines) <= 70
    assert max(map(len, lines)) < 100


def test_the_map_lists_the_files_on_disk() -> None:
    assert project_map.MAP.read_text() == project_map.index(), "run `python -m tests.project_map --write`"


def test_every_module_and_every_folder_says_in_one_line_what_it_is_for() -> None:
    assert [line for line in project_map.index().splitlines() if line.endswith("): ")] == []
    assert [line for line in project_map.tree().splitlines() if line.rstrip().endswith("/")] == []


@pytest.mark.parametrize("page", [module.SLUG or "home" for module in studio.PAGES])
def test_every_page_has_its_page_in_the_guide(page: str) -> None:
    text = (DOCS / "guide" / f"{page}.md").read_text()
    assert text.startswith("# ")
    assert len(text.split()) > 80


@pytest.mark.parametrize("setting", list(Settings.model_fields))
def test_every_setting_is_documented(setting: str) -> None:
    assert f"TUNESMITH_{setting.upper()}" in (DOCS / "operations.md").read_text()


@pytest.mark.parametrize("method", get_args(Method))
def test_every_method_is_documented(method: str) -> None:
    assert f"`{method}`" in (DOCS / "guide" / "methods.md").read_text()


@pytest.mark.parametrize("field", list(Recipe.model_fields))
def test_every_field_of_a_recipe_describes_itself(field: str) -> None:
    about = Recipe.model_fields[field]
    assert about.title
    assert about.description
    assert about.description.endswith(".")


def test_every_link_in_the_docs_leads_somewhere() -> None:
    for file in [project_map.README, project_map.ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")]:
        for target in links(file):
            assert (file.parent / target).exists(), f"{file.name} links to {target}"


def links(file: Path) -> list[str]:
    parts = [part.split(")")[0] for part in file.read_text().split("](")[1:]]
    return [part.split("#")[0] for part in parts if part.split("#")[0] and "://" not in part]


@pytest.mark.usefixtures("untraced")
def test_importing_the_studio_imports_no_torch() -> None:
    """The window opens in seconds because what is heavy stays in the workers."""
    heavy = "('torch', 'transformers', 'trl')"
    code = f"import sys, app.window.studio, app.server; print([m for m in {heavy} if m in sys.modules])"
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=project_map.ROOT, check=True
    )
    assert finished.stdout.strip().endswith("[]")
