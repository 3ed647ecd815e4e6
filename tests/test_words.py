"""Pairs that must say the same: README and the files, docs and the pages, settings and operations.md."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from app.window import studio
from engine.recipes.choices.methods import Name as Method
from engine.recipes.recipe import Recipe
from storage.settings import Settings
from tests import readme_tree

DOCS = readme_tree.ROOT / "docs"


def test_the_tree_in_the_readme_is_the_tree_on_disk() -> None:
    assert readme_tree.current() == readme_tree.wanted(), "run `python -m tests.readme_tree --write`"


def test_every_module_says_in_one_line_what_it_is_for() -> None:
    lines = [line for line in readme_tree.tree().splitlines() if line.strip().endswith(".py")]
    assert lines == []


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
    for file in [readme_tree.README, *DOCS.rglob("*.md")]:
        for target in links(file):
            assert (file.parent / target).exists(), f"{file.name} links to {target}"


def links(file: Path) -> list[str]:
    parts = [part.split(")")[0] for part in file.read_text().split("](")[1:]]
    return [part.split("#")[0] for part in parts if part.split("#")[0] and "://" not in part]


def test_importing_the_studio_imports_no_torch() -> None:
    """The window opens in seconds because what is heavy stays in the workers."""
    heavy = "('torch', 'transformers', 'trl')"
    code = f"import sys, app.window.studio, app.server; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=readme_tree.ROOT, check=True
    )
    assert done.stdout.strip().endswith("[]")
