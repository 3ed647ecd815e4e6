"""Train: choose a model and a dataset, say how long and how fast, see what would happen, start."""

import json
from collections.abc import Callable
from secrets import token_hex
from typing import Any

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from engine import names
from engine.errors import RefusedError, TunesmithError
from engine.recipes import presets, provenance, yaml_problems
from engine.recipes.validation.yielding import YIELDING
from engine.runs import runs
from pages.parts import html, live, toasts
from pages.shell import project_of
from pages.train import fit_view, nothing_yet, recipe_menu, row_panel, sweep_form, yaml_view
from pages.train.recipe_check import Checked, check, check_html, command_html
from pages.train.recipe_edits import (
    UNITS,
    choose_preset,
    count_in,
    fit_dataset,
    fit_defaults,
    fit_method,
    fit_model,
    form_of,
    leaving_the_rest,
    mend,
    model_and_dataset,
    put_back,
)
from pages.train.recipe_form import ABOUT, FIELDS, SECTION_OF, SECTIONS, recipe_form, recipe_of, values_of
from pages.train.recipe_marks import marks_html, presets_html
from pages.train.recipe_source import Choices, choices_in, start_values

SLUG, TITLE, SUBTITLE, KEY, ICON = "train", "Train", "Teach a model from your own data.", "t", "train"
GROUP = "Train"
FRAGMENTS: dict[str, live.Fragment] = {  # none is a part of the form
    "fit": fit_view.fragment,
    "rows": row_panel.fragment,
    "needs": nothing_yet.needs_html,
}

KEEP_DRAFT = f"""(name, given, ...values) => {{
  tunesmith.train.keep({json.dumps(FIELDS)}, name, given, values);
  return [name, given, ...values];
}}"""
RECALL_DRAFT = "() => [tunesmith.train.recall()]"
# A form that the Back button brings back would start the same run again, so it is opened anew.
OPEN_RUN = """(id) => {
  if (!id) return;
  tunesmith.train.forget();
  addEventListener('pageshow', (event) => event.persisted && location.reload());
  location.href = '/runs?run=' + encodeURIComponent(id);
}"""
ACTIONS_SCRIPT = "tunesmith.train.{}(element, (detail) => trigger('action', detail))"
CHECKS_SCRIPT = """
  const [look, back] = [() => trigger('look'), () => trigger('back')];
  tunesmith.train.problems(element, (detail) => trigger('action', detail), look, back);
"""
ASIDE = (
    ("train-checks", CHECKS_SCRIPT),
    ("train-marks", ACTIONS_SCRIPT.format("marks")),
    ("train-fit", fit_view.SCRIPT),
)
START_OVER = "() => { tunesmith.sweepForm.keep(''); tunesmith.train.startOver(); }"


def page() -> None:
    """The form, its YAML and its command on the left; what they amount to, and Start, on the right."""
    form = recipe_form()
    nothing_yet.draw()
    with gr.Row(elem_id="train", equal_height=False):
        with gr.Column(scale=3, min_width=320, elem_id="train-recipe"):
            menu = _html("train-menu", ACTIONS_SCRIPT.format("recipes"))
            with gr.Tabs():
                with gr.Tab("Form", id="form", elem_id="view-form"):
                    preset_bar = _html("train-presets", ACTIONS_SCRIPT.format("presets"))
                    run_name, length_unit, left_out = _basic_fields(form)
                    _advanced_fields(form)
                with gr.Tab("YAML", id="yaml", elem_id="view-yaml"):
                    yaml_text = gr.Code(language="yaml", show_label=False, interactive=True, elem_id="recipe-yaml")
                    yaml_problems = _html("yaml-problems", "tunesmith.train.yaml(element)")
                with gr.Tab("Command", id="command", elem_id="view-command"):
                    command_view = _html("recipe-command")
        with gr.Column(scale=2, min_width=300, elem_id="train-aside"):
            checks, marks, fit = (_html(id, script) for id, script in ASIDE)
            start_button = gr.Button("Start training", variant="primary", elem_id="train-start")
            sweep = sweep_form.SweepParts()
            gr.Button("Start over", size="sm", elem_id="train-reset").click(
                None, None, None, js=START_OVER, **live.QUIET
            )
    draft, press_token, run_id, given, written = (gr.Textbox(visible=False) for _ in range(5))
    fields, length_fields = list(form.values()), [form["num_train_epochs"], form["max_steps"]]
    carried, form_outputs, draft_parts = [given, *fields], [given, length_unit, *fields], [run_name, given, *fields]
    views = [yaml_text, yaml_problems, command_view, checks, marks, preset_bar, fit, written, start_button]

    opened = gr.on(
        None,
        open_form,
        draft,
        [run_name, press_token, left_out, menu, *form_outputs, *views],
        js=RECALL_DRAFT,
        **live.ACTING,
    )
    sweep.wire(opened, carried, form_outputs, run_name)
    edits = [component.input for component in (run_name, *fields)]
    gr.on(edits, views_of, carried, views, trigger_mode="always_last", **live.QUIET)
    gr.on([*edits, yaml_text.blur], None, draft_parts, None, js=KEEP_DRAFT, **live.QUIET)
    length_unit.input(count_in, length_unit, length_fields, **live.QUIET).then(views_of, carried, views, **live.QUIET)
    handlers: dict[Any, Callable[..., list[Any]]] = {
        form["method"].input: fit_method,
        form["tuning"].input: fit_method,
        form["dataset_id"].input: fit_dataset,
        **{form[name].input: fit_defaults for rule in YIELDING for name in (rule.chosen, rule.field)},
        form["model_id"].input: fit_model,
        preset_bar.action: choose_preset,
        marks.action: put_back,
        checks.action: mend,
        fit.action: fit_view.act,
    }
    menu_used = menu.action(recipe_menu.act, carried, [menu, *form_outputs], **live.ACTING)
    menu_used.then(views_of, carried, views, **live.QUIET).then(None, draft_parts, None, js=KEEP_DRAFT, **live.QUIET)
    for event, handler in handlers.items():
        handled = event(
            leaving_the_rest(handler), carried, form_outputs, **(live.ACTING if event == fit.action else live.QUIET)
        )
        handled.then(views_of, carried, views, **live.QUIET).then(None, draft_parts, None, js=KEEP_DRAFT, **live.QUIET)
    for look in (checks.look, fit.look):  # by themselves, when what they follow is done
        look(look_again, [yaml_text, written, *carried], views, **live.QUIET)
    checks.back(views_of, carried, views, **live.QUIET)
    yaml_text.input(
        read_yaml, [yaml_text, *carried], [*form_outputs, *views[1:]], trigger_mode="always_last", **live.QUIET
    )
    start_button.click(start, [press_token, yaml_text, written, *draft_parts], [run_id, checks], **live.ACTING).then(
        None, run_id, None, js=OPEN_RUN, **live.QUIET
    )


def _html(id: str, script: str | None = None) -> gr.HTML:
    return gr.HTML(elem_id=id, js_on_load=script, apply_default_css=False)


def _basic_fields(form: dict[str, Component]) -> tuple[gr.Textbox, gr.Radio, gr.HTML]:
    """The six fields that everybody sees."""
    with gr.Column(elem_classes="tr-fields"):
        form["model_id"].render()
        form["dataset_id"].render()
        left_out = _html("train-left-out")
        name = gr.Textbox(
            label="Run name",
            info="Its name in lists. Left empty, the run is named after its model and dataset.",
            placeholder="optional",
            max_lines=1,
            max_length=names.LONGEST,
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


def _advanced_fields(form: dict[str, Component]) -> None:
    """Every other field, in groups that fold, with a box that finds one."""
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        gr.HTML(SEARCH, js_on_load="tunesmith.train.search(element)", apply_default_css=False)
        for title, names in SECTIONS.items():
            with gr.Column(elem_classes="tr-section", elem_id=SECTION_OF[names[0]]):
                head = str(GROUP_HEAD.format(title, ABOUT[title]))
                gr.HTML(head, js_on_load="tunesmith.train.groups(element)", apply_default_css=False)
                with gr.Row(elem_classes="tr-grid"):
                    for name in names:
                        form[name].render()


SEARCH = (
    '<div class="tr-find"><input type="search" placeholder="Find a setting" aria-label="Find a setting" '
    'autocomplete="off"><p role="status" hidden>No setting has that name. Settings of other methods and tunings are '
    "not shown.</p></div>"
)
GROUP_HEAD = Markup('<button type="button" class="tr-group" aria-expanded="false"><b>{}</b><small>{}</small></button>')


def open_form(draft: str, request: gr.Request) -> list[Any]:
    """Everything the page shows first, from the browser's draft, the address and what the studio has."""
    project_id = project_of(request)
    offered = choices_in(project_id)
    try:
        initial = start_values(draft, request.query_params, offered)
    except TunesmithError as error:
        toasts.warn(error)
        initial = start_values("", {}, offered)
    recipe = recipe_of(values_of(initial.recipe))
    recipe, given = presets.with_length_capped(recipe, initial.given, model_and_dataset(recipe)[0])
    head = [initial.name, token_hex(8), left_out_html(offered), recipe_menu.menu_html()]
    return [*head, *form_of(recipe, given, offered), *_views(recipe, given)]


def left_out_html(offered: Choices) -> str:
    """What is not in the lists, and why."""
    return str(_reasons(offered))


def _reasons(offered: Choices) -> Markup:
    if not offered.left_out:
        return Markup()
    lines = html.join(Markup("<li><b>{}</b> {}</li>").format(*entry) for entry in offered.left_out)
    return Markup(
        '<details class="tr-left-out"><summary>{} not in these lists, and why</summary><ul>{}</ul></details>'
    ).format(len(offered.left_out), lines)


def views_of(given: str, *values: Any) -> list[Any]:
    """The recipe's other views after an edit: YAML, no YAML error, command, checks, marks, presets, what it takes."""
    return _views(recipe_of(values), provenance.from_json(given))


def _views(recipe: dict[str, Any], given: provenance.Given) -> list[Any]:
    checked = check(recipe)
    text = yaml_view.text_of(checked, recipe)
    return [text, "", *_around(checked, recipe, given), text, gr.update(interactive=checked.recipe is not None)]


def _around(checked: Checked, recipe: dict[str, Any], given: provenance.Given) -> list[Any]:
    return [
        command_html(checked),
        check_html(checked),
        marks_html(checked, recipe, given),
        presets_html(checked, recipe, given),
        fit_view.fit_html(checked),
    ]


def look_again(text: str, written: str, given: str, *values: Any) -> list[Any]:
    """The views when something they tell of has gone on. The text is a person's, and stays as it is."""
    if yaml_view.is_pending(text, written):
        return [gr.skip()] * 9
    _, problems, *around, _, button = views_of(given, *values)
    return [gr.skip(), problems, *around, gr.skip(), button]


def read_yaml(text: str, given: str, *values: Any) -> list[Any]:
    """The form after an edit of its YAML: new values, or the old ones and what is wrong with the text."""
    recipe, problems = yaml_problems.read(text)
    if recipe is None:
        wrong, panel = yaml_view.problems_html(problems), yaml_view.panel_html(problems)
        no_command = command_html(Checked(None, None, None, []))
        views = [wrong, no_command, panel, gr.skip(), gr.skip(), "", gr.skip(), gr.update(interactive=False)]
        return [*[gr.skip()] * (len(values) + 2), *views]
    origins = provenance.from_json(given)
    form = form_of(yaml_view.fields_typed(text, recipe), origins)
    views = _around(check(recipe.model_dump()), recipe.model_dump(), provenance.from_json(form[0]))
    return [*form, yaml_view.remark_html(text, recipe), *views, text, gr.update(interactive=True)]


def start(
    request: gr.Request, press_token: str, text: str, written: str, name: str, given: str, *values: Any
) -> list[Any]:
    """Starts the run, once for each `press`; returns its id, or "" and what stands in the way.

    What starts is what the page shows: a YAML that was typed and not taken over yet counts before the form.
    """
    with toasts.toast():
        recipe, origins = yaml_view.recipe_shown(text, written, values), provenance.from_json(given)
        checked = check(recipe)
        if checked.recipe is None:
            raise RefusedError("This recipe cannot start.", "\n".join(error.message for error in checked.errors))
        source = provenance.Source(provenance.origins_to_show(recipe, origins), provenance.source_run(origins))
        run_name = name.strip() or name_for(checked)
        # The page shows the project it was opened in, which another tab may have left since.
        project_id = checked.dataset.project_id if checked.dataset else project_of(request)
        run = runs.start_run(run_name, checked.recipe, project_id, press_token or None, source)
        return [run.id, gr.skip()]
    return ["", yaml_view.checks_html(text, written, values)]


def name_for(checked: Checked) -> str:
    """A run's name when nobody gave it one."""
    return names.of_run(*(subject.name for subject in (checked.model, checked.dataset) if subject))
