"""The recipe as YAML on the Train page: what the form writes there, and what a person types there.

While a text stands there that no recipe can be read from, or that the form has not taken over yet, the form's own
recipe is not what the page shows, and nothing starts with it. `written` is the text that form and YAML agreed on last.
"""

from typing import Any

import yaml
from markupsafe import Markup

from engine.errors import RefusedError
from engine.recipes import by_name, yaml_problems
from engine.recipes import recipe as recipes
from engine.recipes.validation.yielding import YIELDING, Yielding, giving_way
from engine.recipes.yaml_problems import LineProblem
from engine.train.rules.problem import Problem
from pages.parts import html
from pages.train.recipe_check import Checked, check, check_html
from pages.train.recipe_form import recipe_of

FIELD = "yaml"  # what a problem of the text names in place of a field


def text_of(checked: Checked, recipe: dict[str, Any]) -> str:
    """The form as YAML, even while something in it is wrong."""
    if checked.recipe:
        return by_name.to_yaml(checked.recipe)
    return yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True)


def is_pending(text: str, written: str) -> bool:
    """Whether a person has typed since form and YAML agreed."""
    return text.strip() != written.strip()


def recipe_shown(text: str, written: str, values: tuple[Any, ...]) -> dict[str, Any]:
    """The fields of the recipe that the page shows. Raises RefusedError while its text is none."""
    if not is_pending(text, written):
        return recipe_of(values)
    recipe, problems = yaml_problems.read(text)
    if recipe is None:
        raise RefusedError("The YAML is not a recipe.", "\n".join(map(str, problems)))
    return recipe.model_dump()


def fields_typed(text: str, recipe: recipes.Recipe) -> dict[str, Any]:
    """The recipe as it was typed: defaults that give way are as they were, so that the form can say why they do."""
    return recipe.model_dump() | {rule.field: rule.default for rule in _giving_way(text, recipe)}


def remark_html(text: str, recipe: recipes.Recipe) -> str:
    """What the text means beyond what stands there."""
    return str(html.join(html.notice(str(rule), tone="calm") for rule in _giving_way(text, recipe)))


def _giving_way(text: str, recipe: recipes.Recipe) -> list[Yielding]:
    return giving_way(recipe.model_dump() | {rule.field: rule.default for rule in YIELDING} | recipes.read_fields(text))


def problems_html(problems: list[LineProblem]) -> str:
    """Under the editor: each problem with its line, which the page's script marks in the text too."""
    row = Markup('<li data-line="{}">{}{}</li>')
    rows = html.join(
        row.format(problem.line or "", str(problem), Markup("<p>{}</p>").format(problem.hint) if problem.hint else "")
        for problem in problems
    )
    words = "This is not a recipe yet, so it cannot start."
    return str(Markup('<div class="ts-notice tr-yaml" data-tone="bad"><b>{}</b><ul>{}</ul></div>').format(words, rows))


def panel_html(problems: list[LineProblem]) -> str:
    """The panel beside Start while the text is no recipe."""
    listed = [Problem(FIELD, str(problem), problem.hint) for problem in problems]
    back = html.button("Go back to the form's recipe", "form", FIELD)
    return check_html(Checked(None, None, None, listed), back)


def checks_html(text: str, written: str, values: tuple[Any, ...]) -> str:
    """The panel about the recipe that the page shows."""
    if is_pending(text, written):
        recipe, problems = yaml_problems.read(text)
        return check_html(check(recipe.model_dump())) if recipe else panel_html(problems)
    return check_html(check(recipe_of(values)))
