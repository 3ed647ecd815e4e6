"""The guide's page of all fields, made from the recipe: `python -m tests.field_guide --write` brings it up to date."""

import sys
from pathlib import Path

from engine.recipes.fields.basics import Basics
from engine.recipes.recipe import GROUPS, Recipe

PAGE = Path(__file__).resolve().parent.parent / "docs" / "guide" / "fields.md"
HEAD = """# Every field of a recipe

The same fields stand in the form, in YAML, in REST and on the command line; what is left out takes its default.
[Train](train.md) says how they are used, [Methods](methods.md) which belong to which method.
"""
TABLE = "| On the page | In the recipe | Default | What it does |\n| --- | --- | --- | --- |\n"


def page_text() -> str:
    """The whole page, a table a group of the form."""
    groups = [("The six that everybody sees", tuple(Basics.model_fields))]
    groups += [(group.TITLE, tuple(group.model_fields)) for group in GROUPS]
    return HEAD + "".join(f"\n## {title}\n\n{TABLE}{''.join(map(_line, names))}" for title, names in groups)


def _line(name: str) -> str:
    field = Recipe.model_fields[name]
    default = "" if field.is_required() else f"`{field.default}`"
    return f"| {field.title} | `{name}` | {default} | {field.description} |\n"


if __name__ == "__main__" and "--write" in sys.argv:
    PAGE.write_text(page_text())
