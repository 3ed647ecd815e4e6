"""A sweep begun in the Train form: fields become ranges, and the panel says what trying them would take.

Nothing of it stands in the form until it is asked for. What is typed lives in the browser, as a draft does, until the
sweep starts.
"""

from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.components import Component

from engine.errors import RefusedError
from engine.recipes import provenance
from engine.sweeps import cost, parsing, space, sweeps, yaml_file
from engine.sweeps.cost import Cost
from engine.sweeps.spec import SweepSpec
from engine.train.rules.problem import Problem
from pages.parts import live, toasts
from pages.shell import project_of
from pages.train import sweep_outcome, sweep_values, sweep_view
from pages.train.recipe_check import Checked, check
from pages.train.recipe_edits import form_of
from pages.train.recipe_form import recipe_of
from pages.train.sweep_values import Typed
from storage import db
from storage.sweeps import sweeps as stored

PANEL_SCRIPT = """
  const events = { action: (detail) => trigger('action', detail), typed: (detail) => trigger('typed', detail) };
  tunesmith.sweepForm.panel(element, { ...events, look: () => trigger('look') });
"""
OUTCOME_SCRIPT = "tunesmith.sweepForm.outcome(element, (detail) => trigger('action', detail));"
RECALL = "(kept, ...rest) => [tunesmith.sweepForm.recall(), ...rest]"
KEEP = "(kept) => tunesmith.sweepForm.keep(kept)"
OPEN_SWEEP = """(id) => {
  if (!id) return;
  tunesmith.train.forget();
  tunesmith.sweepForm.keep('');
  location.href = '/sweeps?sweep=' + encodeURIComponent(id);
}"""
MOST_NAMES = 1000


class SweepParts:
    """The parts of the page that a sweep has: drawn where they stand, wired when the form is there."""

    def __init__(self) -> None:
        self.panel = gr.HTML(elem_id="train-sweep", js_on_load=PANEL_SCRIPT, apply_default_css=False)
        self.outcome = gr.HTML(elem_id="train-sweep-outcome", js_on_load=OUTCOME_SCRIPT, apply_default_css=False)

    def wire(self, opened: Any, carried: list[Component], form_outputs: list[Component], run_name: Component) -> None:
        """`opened`: the event after which the form shows what it begins with."""
        kept, sweep_id = (gr.Textbox(visible=False) for _ in range(2))
        inputs, outputs = [kept, run_name, *carried], [kept, self.panel, self.outcome]
        opened.then(show, inputs, outputs, js=RECALL, **live.QUIET)
        used = self.panel.action(act, inputs, [*outputs, *form_outputs], trigger_mode="multiple", **live.ACTING)
        used.then(None, kept, None, js=KEEP, **live.QUIET)
        written = self.panel.typed(edit, inputs, [kept, self.outcome], trigger_mode="always_last", **live.QUIET)
        written.then(None, kept, None, js=KEEP, **live.QUIET)
        self.panel.look(look, inputs, outputs, trigger_mode="always_last", **live.QUIET)
        started = self.outcome.action(start, inputs, [sweep_id, self.outcome], **live.ACTING)
        started.then(None, sweep_id, None, js=OPEN_SWEEP, **live.QUIET)


def show(kept: str, run_name: str, given: str, *values: Any) -> list[Any]:
    """What stands there first: a button, or the sweep that the browser has kept."""
    recipe, typed = recipe_of(values), sweep_values.from_json(kept)
    if not typed.open:
        return [typed.to_json(), sweep_view.closed_html(), ""]
    return _shown(sweep_values.fitted(typed, recipe), run_name, recipe)


def look(kept: str, run_name: str, given: str, *values: Any) -> list[Any]:
    """The sweep after the recipe has changed. The controls stay as they are while they are the right ones."""
    recipe, typed = recipe_of(values), sweep_values.from_json(kept)
    if not typed.open:
        return [gr.skip()] * 3
    after = sweep_values.fitted(typed, recipe)
    answer = _shown(after, run_name, recipe)
    return answer if after.shape != typed.shape else [answer[0], gr.skip(), answer[2]]


def act(event: gr.EventData, kept: str, run_name: str, given: str, *values: Any) -> list[Any]:
    """What a click in the panel, or at a field, does: [kept, panel, outcome, the form]."""
    recipe, typed = recipe_of(values), _with_texts(sweep_values.from_json(kept), event)
    unchanged: list[Any] = [gr.skip()] * (len(values) + 2)
    with toasts.toast():
        match event.name:
            case "import":
                return _import(event.values.get("text", ""), run_name, recipe, given)
            case "close":
                closed = replace(typed, open=False)
                return [closed.to_json(), sweep_view.closed_html(), "", *unchanged]
            case "open":
                typed = sweep_values.opened(typed, recipe)
            case "field" if event.id in typed.fields:
                typed = sweep_values.removed(typed, event.id)
            case "field":
                typed = sweep_values.added(typed, event.id, recipe)
            case "turn":
                typed = sweep_values.turned(typed, event.id, recipe)
        return [*_shown(typed, run_name, recipe), *unchanged]
    return [gr.skip()] * 3 + unchanged


def edit(event: gr.EventData, kept: str, run_name: str, given: str, *values: Any) -> list[Any]:
    """The sweep after a key in one of its controls, which stay as they are: [kept, outcome]."""
    typed = _with_texts(sweep_values.from_json(kept), event)
    return [typed.to_json(), _outcome(typed, run_name, recipe_of(values))]


def _with_texts(typed: Typed, event: gr.EventData) -> Typed:
    """With what stands in the controls now."""
    if event.name in ("open", "import"):
        return typed
    return replace(typed, texts={**typed.texts, **{str(name): str(text) for name, text in event.values.items()}})


def _import(text: str, run_name: str, recipe: dict[str, Any], given: str) -> list[Any]:
    """The form with the recipe and the sweep of a file. What the file does not name stays as it is."""
    spec = yaml_file.read(text)
    fields = {**recipe, **{name: value for name, value in spec.recipe.items() if name in recipe}}
    origins = provenance.note_origin(provenance.from_json(given), spec.recipe, provenance.FILE)
    return [*_shown(sweep_values.typed_from(spec, fields), run_name, fields), *form_of(fields, origins)]


def _shown(typed: Typed, run_name: str, recipe: dict[str, Any]) -> list[Any]:
    return [typed.to_json(), sweep_view.panel_html(typed, recipe), _outcome(typed, run_name, recipe)]


def _outcome(typed: Typed, run_name: str, recipe: dict[str, Any]) -> str:
    checked = check(recipe)
    try:
        spec = _spec(typed, run_name, recipe, checked)
    except RefusedError as error:
        return sweep_outcome.outcome_html(None, _refusals(error), Cost(), None)
    problems, holding = space.examine(spec, checked.model, checked.dataset)
    is_bad = any(problem.level == "error" for problem in problems)
    model, dataset = checked.model, checked.dataset
    taken = cost.of(spec, model, dataset) if model and dataset and not is_bad else Cost()
    return sweep_outcome.outcome_html(spec, problems, taken, holding)


def _spec(typed: Typed, run_name: str, recipe: dict[str, Any], checked: Checked) -> SweepSpec:
    """The sweep that the form shows. Raises RefusedError while a text in it cannot be read."""
    if not typed.fields:
        raise RefusedError("The sweep is not valid.", "`space`: no field has a range. Press Sweep at one.")
    rows = checked.dataset.train_rows if checked.dataset else None
    name = run_name.strip() or (checked.dataset.name if checked.dataset else "sweep")
    return parsing.parse(sweep_values.spec_values(typed, recipe, f"{name}: {', '.join(typed.fields)}"[:120], rows))


def _refusals(error: RefusedError) -> list[Problem]:
    """What could not be read, each at its field: "`space.learning_rate.low` is 'x': ..."."""
    problems = []
    for line in error.hint.splitlines():
        path = line.partition("`")[2].partition("`")[0].split(".")
        field = path[1] if path[0] == "space" and len(path) > 1 else path[0]
        problems.append(Problem(field, line))
    return problems


def start(request: gr.Request, event: gr.EventData, kept: str, run_name: str, given: str, *values: Any) -> list[Any]:
    """Starts the sweep that the form shows; returns its id, or "" and what stands in the way."""
    recipe, typed = recipe_of(values), _with_texts(sweep_values.from_json(kept), event)
    with toasts.toast():
        checked = check(recipe)
        spec = _spec(typed, run_name, recipe, checked)
        project_id = checked.dataset.project_id if checked.dataset else project_of(request)
        if not typed.text("name"):
            spec = spec.model_copy(update={"name": _free(spec.name, project_id)})
        return [sweeps.create(spec, project_id).id, gr.skip()]
    return ["", _outcome(typed, run_name, recipe)]


def _free(name: str, project_id: str) -> str:
    """A name nobody gave is followed by a number where it is taken."""
    with db.reading() as session:
        names = [name, *(f"{name[:115]} {number}" for number in range(2, MOST_NAMES))]
        return next((one for one in names if stored.by_name(session, project_id, one) is None), name)
