"""Train: choose a model and a dataset, say how long and how fast, see what would happen, start."""

import json
from collections.abc import Sequence
from secrets import token_hex
from typing import Any

import gradio as gr
import yaml
from gradio.components import Component
from markupsafe import Markup

from engine import recipe as recipes
from engine import runs
from engine.errors import RefusedError, TunesmithError
from pages.parts import asking, html, live
from pages.parts.recipe_check import Checked, check, check_html, command_html
from pages.parts.recipe_form import FIELDS, SECTIONS, fitted, recipe_form, recipe_of, updates_for, values_of
from pages.parts.recipe_source import Choices, choices_in, kind_of, start_values
from pages.shell import project_of

SLUG, TITLE, SUBTITLE, KEY, ICON = "train", "Train", "Teach a model from your own data.", "t", "train"
FRAGMENTS: dict[str, live.Fragment] = {}  # nothing here refreshes itself: it would disturb a form

# What was typed is kept in the browser, one draft for each address of the page, until it is started or thrown away.
KEEP = f"""(name, ...values) => {{
  const form = Object.fromEntries({json.dumps(FIELDS)}.map((field, i) => [field, values[i]]));
  localStorage.setItem('tunesmith-train' + location.search, JSON.stringify({{name, form}}));
  return [name, ...values];
}}"""
RECALL = "() => [localStorage.getItem('tunesmith-train' + location.search) || '']"
FORGET = "localStorage.removeItem('tunesmith-train' + location.search);"
# A form that the Back button brings back would start the same run again, so it is opened anew.
OPEN_RUN = f"""(id) => {{
  if (!id) return;
  {FORGET}
  addEventListener('pageshow', (event) => event.persisted && location.reload());
  location.href = '/runs?run=' + encodeURIComponent(id);
}}"""
START_OVER = f"() => {{ {FORGET} location.href = '/train'; }}"

# Each problem is also written at its field: an attribute that the stylesheet shows, and aria-invalid on the input.
MARK = """
  const inputs = 'input, textarea';
  const mark = () => {
    document.querySelectorAll('.field[data-problem]').forEach((field) => {
      for (const name of ['data-problem', 'data-level']) field.removeAttribute(name);
      field.querySelectorAll(inputs).forEach((input) => input.removeAttribute('aria-invalid'));
    });
    element.querySelectorAll('li[data-field]').forEach(({dataset}) => {
      const field = document.getElementById('field-' + dataset.field);
      if (!field || field.dataset.problem) return;
      Object.assign(field.dataset, {problem: dataset.message, level: dataset.level});
      if (dataset.level === 'error') field.querySelectorAll(inputs).forEach((input) => (input.ariaInvalid = 'true'));
    });
  };
  new MutationObserver(mark).observe(element, {childList: true, subtree: true});
  element.addEventListener('click', (event) => {
    const row = event.target.closest('li[data-field]');
    const field = row && document.getElementById('field-' + row.dataset.field);
    if (!field) return;
    document.getElementById('view-form-button')?.click();
    const open = document.querySelector('#advanced > button.label-wrap:not(.open)');
    if (open && field.closest('#advanced')) open.click();
    setTimeout(() => { field.scrollIntoView({block: 'center'}); field.querySelector(inputs)?.focus(); }, 60);
  });
  mark();
"""


def page() -> None:
    """The form, its YAML and its command on the left; what they amount to, and Start, on the right."""
    form = recipe_form()
    with gr.Row(elem_id="train", equal_height=False):
        with gr.Column(scale=3, min_width=320, elem_id="train-recipe"), gr.Tabs():
            with gr.Tab("Form", id="form", elem_id="view-form"):
                name, unit, left_out = _simple(form)
                _advanced(form)
            with gr.Tab("YAML", id="yaml", elem_id="view-yaml"):
                text = gr.Code(language="yaml", show_label=False, interactive=True, elem_id="recipe-yaml")
                wrong = _html("yaml-problems")
            with gr.Tab("Command", id="command", elem_id="view-command"):
                command = _html("recipe-command")
        with gr.Column(scale=2, min_width=300, elem_id="train-aside"):
            checks = _html("train-checks", MARK)
            go = gr.Button("Start training", variant="primary", elem_id="train-start")
            again = gr.Button("Start over", size="sm", elem_id="train-reset")
    draft, press, started = (gr.Textbox(visible=False) for _ in range(3))
    fields, pair = list(form.values()), [form["num_train_epochs"], form["max_steps"]]
    typed, views = [name, *fields], [text, wrong, command, checks]

    gr.on(None, open_form, draft, [name, press, left_out, unit, *fields, *views], js=RECALL, **live.ACTING)
    gr.on([one.input for one in typed], views_of, fields, views, trigger_mode="always_last", **live.QUIET)
    gr.on([one.input for one in typed], None, typed, None, js=KEEP, **live.QUIET)
    unit.input(count_in, unit, pair, **live.QUIET).then(views_of, fields, views, **live.QUIET)
    fits = {"method": fit_method, "tuning": fit_method, "dataset_id": fit_dataset}
    for chosen, fit in ((form[name], fit) for name, fit in fits.items()):
        fitted_in = chosen.input(fit, fields, [unit, *fields], **live.QUIET)
        fitted_in.then(views_of, fields, views, **live.QUIET).then(None, typed, None, js=KEEP, **live.QUIET)
    text.input(read_yaml, [text, *fields], [*fields, unit, *views[1:]], trigger_mode="always_last", **live.QUIET)
    text.blur(None, typed, None, js=KEEP, **live.QUIET)
    go.click(start, [press, *typed], [started, checks], **live.ACTING).then(
        None, started, None, js=OPEN_RUN, **live.QUIET
    )
    again.click(None, None, None, js=START_OVER, **live.QUIET)


def _html(id: str, script: str | None = None) -> gr.HTML:
    return gr.HTML(elem_id=id, js_on_load=script, apply_default_css=False)


def _simple(form: dict[str, Component]) -> tuple[gr.Textbox, gr.Radio, gr.HTML]:
    """The six fields that everybody sees."""
    with gr.Column(elem_classes="tr-fields"):
        form["model_id"].render()
        form["dataset_id"].render()
        left_out = _html("train-left-out")
        name = gr.Textbox(
            label="Run name",
            info="What you will look for later. Without one it is called after its model and dataset.",
            placeholder="optional",
            max_lines=1,
            max_length=MOST_CHARACTERS,
            elem_id="run-name",
            elem_classes=["field"],
        )
        form["method"].render()
        with gr.Row(elem_classes="tr-pair"):
            with gr.Column(min_width=200, elem_classes="tr-length"):
                unit = gr.Radio(
                    UNITS, value="epochs", label="Counted in", show_label=False, container=False, elem_id="length-unit"
                )
                form["num_train_epochs"].render()
                form["max_steps"].render()
            form["learning_rate"].render()
    return name, unit, left_out


def _advanced(form: dict[str, Component]) -> None:
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        for title, names in SECTIONS.items():
            with gr.Column(elem_classes="tr-section"):
                gr.HTML(f"<h3>{title}</h3>", js_on_load=None, apply_default_css=False, elem_classes="tr-group")
                with gr.Row(elem_classes="tr-grid"):
                    for name in names:
                        form[name].render()


UNITS = ["epochs", "steps"]
MOST_CHARACTERS = 120
FIRST_STEPS = 100


def open_form(draft: str, request: gr.Request) -> list[Any]:
    """Everything the page shows first, from the browser's draft, the address and what the studio has."""
    project = project_of(request)
    offered = choices_in(project)
    try:
        begin = start_values(draft, request.query_params, offered)
    except TunesmithError as error:
        gr.Warning(asking.said(error))
        begin = start_values("", {}, offered)
    values = values_of(begin.recipe)
    return [begin.name, token_hex(8), left_out_html(offered), *_shown(values, offered), *_views(values)]


def _shown(values: Sequence[Any], offered: Choices | None = None) -> list[Any]:
    """The unit and an update for every field; `offered` fills the dropdowns too."""
    recipe = recipe_of(values)
    by_steps = counts_steps(recipe)
    updates = {name: gr.update(value=value) for name, value in zip(FIELDS, values, strict=True)}
    for name, change in updates_for(str(recipe["method"]), str(recipe["tuning"])).items():
        updates[name] |= change
    updates["num_train_epochs"]["visible"], updates["max_steps"]["visible"] = not by_steps, by_steps
    if offered:
        updates["model_id"]["choices"], updates["dataset_id"]["choices"] = offered.models, offered.datasets
    return [UNITS[by_steps], *updates.values()]


def fit_method(*values: Any) -> list[Any]:
    """The form after a choice of method or tuning: the fields of their own, with what they offer."""
    return _shown(values_of(fitted(recipe_of(values))))


def fit_dataset(*values: Any) -> list[Any]:
    """The form after a choice of dataset: with a method that learns from such rows."""
    recipe = recipe_of(values)
    return _shown(values_of(fitted(recipe, kind_of(str(recipe["dataset_id"] or "")))))


def counts_steps(recipe: dict[str, Any]) -> bool:
    """Whether this recipe says how long it goes on in steps. -1 (TRL's word for none) says it does not."""
    return recipe.get("max_steps") != -1


def count_in(unit: str) -> list[Any]:
    """Shows the field of the chosen unit. Epochs mean that max_steps is -1."""
    steps = unit == "steps"
    return [gr.update(visible=not steps), gr.update(visible=steps, value=FIRST_STEPS if steps else -1)]


def left_out_html(offered: Choices) -> str:
    """What is not in the lists and why, and where to get what is missing."""
    need = [
        html.notice("There is no model to train yet.", "Get the starter, or add your own, on the Models page.", "warn")
        + html.link_button("Open Models", "/models")
    ] * (not offered.models) + [
        html.notice("There is no dataset to learn from yet.", "Import a file on the Data page.", "warn")
        + html.link_button("Open Data", "/data")
    ] * (not offered.datasets)
    return str(html.join(Markup('<div class="tr-need">{}</div>').format(one) for one in need) + _reasons(offered))


def _reasons(offered: Choices) -> Markup:
    if not offered.left_out:
        return Markup()
    lines = html.join(Markup("<li><b>{}</b> {}</li>").format(*one) for one in offered.left_out)
    return Markup(
        '<details class="tr-left-out"><summary>{} not in these lists, and why</summary><ul>{}</ul></details>'
    ).format(len(offered.left_out), lines)


def views_of(*values: Any) -> list[Any]:
    """The recipe's other views, after an edit of the form: YAML, no YAML error, command, checks."""
    return _views(values)


def _views(values: Sequence[Any]) -> list[Any]:
    found = check(recipe_of(values))
    return [yaml_of(found, values), "", command_html(found), check_html(found)]


def yaml_of(found: Checked, values: Sequence[Any]) -> str:
    """The form as YAML, even while something in it is wrong."""
    if found.recipe:
        return recipes.to_yaml(found.recipe)
    return yaml.safe_dump(recipe_of(values), sort_keys=False, allow_unicode=True)


def read_yaml(text: str, *values: Any) -> list[Any]:
    """The form after an edit of its YAML: new values, or the old ones and what is wrong with the text."""
    try:
        values = tuple(values_of(recipes.from_yaml(text).model_dump()))
    except RefusedError as error:
        return [*[gr.skip()] * (len(FIELDS) + 1), str(html.notice(error.message, error.hint)), gr.skip(), gr.skip()]
    unit, *fields = _shown(values)
    return [*fields, unit, *_views(values)[1:]]


def start(request: gr.Request, press: str, name: str, *values: Any) -> list[Any]:
    """Starts the run, once for each `press`; returns its id, or "" and what stands in the way."""
    found = check(recipe_of(values))
    with asking.toast():
        if found.recipe is None:
            raise RefusedError("This recipe cannot start.", "\n".join(one.message for one in found.errors))
        run = runs.start_run(name.strip() or name_for(found), found.recipe, project_of(request), press or None)
        return [run.id, gr.skip()]
    return ["", check_html(found)]


def name_for(found: Checked) -> str:
    """A run's name when nobody gave it one."""
    words = [one.name.rpartition("/")[2] for one in (found.model, found.dataset) if one]
    return " on ".join(words)[:MOST_CHARACTERS] or "Run"
