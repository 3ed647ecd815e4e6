"""What stands beside the Train form: whether the recipe can start, what it would do, and what is wrong where."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from pydantic import ValidationError

from engine.data import row_counts
from engine.errors import TunesmithError
from engine.recipes import steps
from engine.recipes.recipe import Recipe, problems
from engine.runs import runs
from engine.train import check as train_check
from engine.train import device_plan, held_out, sky
from engine.train.rules.problem import Problem
from pages.parts import html
from pages.train import row_panel
from pages.train.recipe_words import TITLES, changes_in_words
from pages.train.row_panel import RowPanel
from storage import datasets, models
from storage.db import reading
from storage.tables import Dataset, Model

NO_BUTTONS = Markup()


@dataclass(frozen=True)
class Checked:
    """A form's content, looked at: the recipe when it holds, what it names, and everything that speaks against it."""

    recipe: Recipe | None
    model: Model | None
    dataset: Dataset | None
    problems: list[Problem]

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.level == "error"]


def check(values: Mapping[str, Any]) -> Checked:
    """Everything that can be said about a recipe before it starts, without starting anything."""
    with reading() as session:
        model = models.get(session, str(values.get("model_id") or ""))
        dataset = datasets.get(session, str(values.get("dataset_id") or ""))
    found_problems = [*_missing("model_id", values, model), *_missing("dataset_id", values, dataset)]
    try:
        recipe = Recipe.model_validate(values)
    except ValidationError as error:
        fields_named = {problem.field for problem in found_problems}
        return Checked(
            None,
            model,
            dataset,
            found_problems + [problem for problem in field_problems(error) if problem.field not in fields_named],
        )
    if model and dataset:
        found_problems += train_check.check(recipe, model, dataset)
    return Checked(recipe, model, dataset, found_problems)


def _missing(name: str, values: Mapping[str, Any], row: Model | Dataset | None) -> list[Problem]:
    word = TITLES[name].lower()
    if not values.get(name):
        return [Problem(name, f"Choose a {word}.")]
    if row is None:
        return [Problem(name, f"There is no {word} with the id {values[name]}.", "Choose one from the list.")]
    return []


def field_problems(error: ValidationError) -> list[Problem]:
    """What pydantic found, each at its field and in the words of the form."""
    return [
        _problem(dict(detail), line)
        for detail, line in zip(error.errors(include_url=False), problems(error), strict=True)
    ]


def _problem(detail: dict[str, Any], line: str) -> Problem:
    message = str(detail["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    name = str(detail["loc"][0]) if detail["loc"] else _first_named(message)
    title = TITLES.get(name)
    if title is None:
        return Problem(name, line)
    if detail["input"] in (None, ""):
        return Problem(name, f"{title} is empty.")
    return Problem(name, f"{title} {message}." if detail["loc"] else f"{message[:1].upper()}{message[1:]}.")


def _first_named(message: str) -> str:
    """The field a rule about several fields speaks of last: that is the one to change."""
    fields = [word for word in re.findall(r"\w+", message) if word in Recipe.model_fields]
    return fields[-1] if fields else ""


def check_html(checked: Checked, buttons: Markup = NO_BUTTONS) -> str:
    """The panel beside the form. Each problem names its field, so that the page's script can mark it there too."""
    panel = Markup(
        '<section class="ts-card tr-checks" data-state="{}" aria-labelledby="checks-title">{}{}{}{}</section>'
    )
    counting = row_panel.of(checked.recipe, checked.model, checked.dataset) if not checked.errors else None
    heading = Markup('<h2 id="checks-title"><i aria-hidden="true"></i>{}</h2>').format(_verdict(checked, counting))
    outlook = _outlook(checked, counting)
    return str(panel.format(_state(checked, counting), heading, _problems(checked.problems), buttons, outlook))


def _state(checked: Checked, counting: RowPanel | None) -> str:
    if checked.errors:
        return "bad"
    if checked.problems:
        return "warn"
    return counting.state if counting else "good"


def _verdict(checked: Checked, counting: RowPanel | None) -> str:
    errors = len(checked.errors)
    if errors:
        return "One thing to fix" if errors == 1 else f"{errors} things to fix"
    if checked.problems:
        return "Ready, with a remark"
    return counting.verdict if counting else "Ready to start"


def _problems(problems: list[Problem]) -> Markup:
    """The list is always there, so that a screen reader hears what changes in it."""
    row = Markup(
        '<li data-level="{}" data-field="{}" data-message="{}"><button type="button">{}</button><p>{}</p>{}{}</li>'
    )
    lines = html.join(
        row.format(
            problem.level,
            problem.field,
            problem.message,
            TITLES.get(problem.field, "YAML" if problem.field == "yaml" else "Recipe"),
            problem.message,
            _hint(problem),
            _remedy_button(problem),
        )
        for problem in problems
    )
    return Markup('<ul class="tr-problems" aria-live="polite">{}</ul>').format(lines)


def _remedy_button(problem: Problem) -> Markup:
    """The button that fixes it; see `recipe_edits.mend`."""
    if not problem.instead:
        return Markup()
    return html.button(f"Use {changes_in_words(problem.instead)}", "mend", problem.field)


def _hint(problem: Problem) -> Markup:
    return Markup("<p>{}</p>").format(problem.hint) if problem.hint else Markup()


def _outlook(checked: Checked, counting: RowPanel | None) -> Markup:
    """What the training would be: model, rows, length. What it takes is in `fit_view`."""
    recipe, model, dataset = checked.recipe, checked.model, checked.dataset
    facts: list[tuple[str, object]] = [
        ("Model", model and model.name),
        ("Data", dataset and f"{dataset.name}, {dataset.train_rows:,} rows"),
    ]
    facts += [("Rows", counting.fact)] if counting else []
    if recipe and model and dataset:
        rows = row_counts.learnt_rows(recipe, model, dataset)
        uncounted = counting is not None and not counting.is_exact and recipe.max_steps < 1
        facts.append(("Length", _length(steps.total_steps(recipe, rows), "at most " * uncounted)))
    if recipe and dataset:
        facts.append(("Evaluation", _held_out(recipe, dataset)))
    return html.facts(facts) + (_devices(recipe) if recipe else Markup())


def _held_out(recipe: Recipe, dataset: Dataset) -> Markup:
    """Which rows are not learnt from, and the button that changes it; see `recipe_edits.mend`."""
    is_off = held_out.is_off(recipe)
    button = html.button("Hold some out" if is_off else "Hold none out", HOLD_OUT, "eval_fraction")
    if not is_off and not steps.held_out(recipe, dataset.train_rows).held_out:
        button = Markup()  # there are too few rows: nothing is left to turn off
    return Markup('<span class="tr-held-out">{} {}</span>').format(held_out.describe(recipe, dataset), button)


HOLD_OUT = "hold_out"  # a button's action


def _devices(recipe: Recipe) -> Markup:
    """Which process works on which device and what it holds, where there are several."""
    lines = html.join(Markup("<p>{}</p>").format(line) for line in device_plan.lines(recipe))
    if not lines:
        return Markup()
    return Markup('<details class="ts-more" open><summary>Device plan</summary>{}</details>').format(lines)


def _length(total: int | None, about: str = "") -> str:
    return "known once the rows are packed" if total is None else f"{about}{total:,} step{'' if total == 1 else 's'}"


def command_html(checked: Checked) -> str:
    """The exact command the run would be, for who wants to know or to run it by hand, and the same for a cloud."""
    recipe, model, dataset = checked.recipe, checked.model, checked.dataset
    if recipe is None or model is None or dataset is None:
        return str(html.empty("No command yet", "It is shown here once the form is complete."))
    words = "What the studio runs, with RUN for the folder of the run."
    return str(_copyable(words, "train-command", runs.preview(recipe)) + _sky(recipe, model, dataset))


def _copyable(words: str, id: str, text: str) -> Markup:
    copy_button = Markup('<button type="button" class="ts-button" data-copy="{}">Copy</button>').format(id)
    code = Markup('<pre class="ts-code tr-command" id="{}" tabindex="0">{}</pre>').format(id, text)
    return Markup('<div class="tr-view"><header><p>{}</p>{}</header>{}</div>').format(words, copy_button, code)


def _sky(recipe: Recipe, model: Model, dataset: Dataset) -> Markup:
    """The training as a SkyPilot task, where it can be one."""
    try:
        task = sky.task_yaml(recipe, model, dataset, f"H100:{recipe.num_processes or 1}")
    except TunesmithError:
        return Markup()  # what it asks is not there, which the checks say
    words = "For machines in a cloud: save it as task.yaml, choose your accelerators, and run sky launch task.yaml."
    return Markup('<details class="ts-more"><summary>As a SkyPilot task</summary>{}</details>').format(
        _copyable(words, "train-sky", task)
    )
