"""The Train page: the form is the recipe, in every view, and nothing starts that cannot work."""

import json
import re
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import yaml

from engine.process import plan
from engine.recipes import provenance
from engine.recipes.choices import tunings
from engine.recipes.choices.tunings import TUNINGS
from engine.recipes.fields.basics import Basics
from engine.recipes.methods import METHODS, OWN_FIELDS, uses
from engine.recipes.recipe import Recipe, to_yaml
from pages.train import nothing_yet, page, recipe_edits, recipe_form, recipe_source
from pages.train.field_words import METHOD_HELP, help_of
from pages.train.recipe_check import Checked, check, check_html, command_html
from pages.train.recipe_form import FIELDS, SECTIONS, recipe_of, updates_for, values_of
from storage import db, runs
from storage.statuses import DatasetStatus, ModelStatus
from storage.tables import Dataset, Model, Run
from tests import field_guide
from tests.engine.weights import model_folders
from tests.pages.clicks import Click

CHANGED: dict[str, Any] = {
    "method": "cpt",
    "tuning": "full",
    "num_train_epochs": 2.5,
    "max_steps": 20,
    "learning_rate": 3e-5,
    "bf16": True,
    "optim": "sgd",
    "gradient_checkpointing": True,
    "seed": 7,
}


class Request:
    """A request without cookies."""

    def __init__(self, **query: str) -> None:
        self.cookies: dict[str, str] = {}
        self.query_params = query


@pytest.fixture
def ready(tmp_path: Path) -> dict[str, Any]:
    """A model and a dataset that go together, as the least a recipe needs."""
    path = str(model_folders.make(tmp_path / "m"))
    facts: dict[str, Any] = {"parameters": model_folders.PARAMETERS, "has_chat_template": True, "trainable": True}
    add(Model(id="m1", source="path", source_id=path, name="tiny", path=path, status=ModelStatus.READY, **facts))
    add(dataset("d1"))
    return {"model_id": "m1", "dataset_id": "d1"}


def dataset(id: str, **values: Any) -> Dataset:
    row = {"status": DatasetStatus.READY, "kind": "chat", "rows": 40, "accepted": 40, "name": f"rows {id}", **values}
    return Dataset(id=id, project_id="default", **row)


def add(row: Model | Dataset | Run) -> None:
    with db.session() as session:
        session.add(row)


def every_run() -> list[Run]:
    with db.reading() as session:
        return list(runs.recent(session))


# The form is the recipe.


def test_the_form_has_exactly_the_recipes_fields_with_its_titles_and_descriptions() -> None:
    with gr.Blocks():
        form = recipe_form.recipe_form()
    assert tuple(form) == tuple(Recipe.model_fields)
    for name, component in form.items():
        field = Recipe.model_fields[name]
        info = METHOD_HELP["sft"] if name == "method" else help_of(name)
        assert (component.label, component.info) == (field.title, info)
        assert component.elem_id == f"field-{name}"


def test_every_field_is_simple_or_in_exactly_one_group() -> None:
    placed = [*Basics.model_fields, *(name for group in SECTIONS.values() for name in group)]
    assert sorted(placed) == sorted(Recipe.model_fields)


def test_the_guide_lists_every_field_as_the_recipe_describes_it() -> None:
    assert field_guide.PAGE.read_text() == field_guide.page_text()


def test_every_choice_offers_every_word_of_the_recipe() -> None:
    with gr.Blocks():
        form = recipe_form.recipe_form()
    assert [value for _, value in form["tuning"].choices] == list(TUNINGS)
    assert [value for _, value in form["bf16"].choices] == ["auto", "on", "off"]
    assert "adafactor" in [value for _, value in form["optim"].choices]


@pytest.mark.parametrize("changes", [{}, CHANGED, {"bf16": False}, {"bf16": None}])
def test_a_recipe_comes_back_from_the_form_as_it_went_in(changes: dict[str, Any]) -> None:
    recipe = Recipe(model_id="m", dataset_id="d", **changes)
    assert Recipe.model_validate(recipe_of(values_of(recipe.model_dump()))) == recipe


def test_at_most_six_fields_are_visible_at_first() -> None:
    with gr.Blocks() as blocks:
        page.page()
    outside = [block for block in blocks.blocks.values() if "field" in (getattr(block, "elem_classes", None) or [])]
    advanced = {name for group in SECTIONS.values() for name in group}
    seen = {str(component.elem_id).removeprefix("field-") for component in outside} - advanced
    assert seen == {"model_id", "dataset_id", "run-name", "method", "num_train_epochs", "max_steps", "learning_rate"}
    updates = recipe_edits.form_of(recipe_of(values_of({})), {})[2:]
    hidden = [name for name, update in zip(FIELDS, updates, strict=True) if update.get("visible") is False]
    assert [name for name in hidden if recipe_form.uses("sft", "lora", name)] == ["max_steps"]  # epochs or steps


@pytest.mark.parametrize("method", METHODS)
def test_the_form_shows_the_fields_of_the_chosen_method_and_no_others(method: str) -> None:
    updates = dict(zip(FIELDS, recipe_edits.fit_method("", *values_of({"method": method}))[2:], strict=True))
    shown = {name for name in OWN_FIELDS if updates[name]["visible"]}
    assert shown == {name for name in OWN_FIELDS if uses(method, name)}
    for kind in METHODS[method].kinds:
        assert kind in updates["dataset_id"]["info"]
    assert [value for _, value in updates["loss_type"]["choices"]] == ["auto", *METHODS[method].loss_types]


@pytest.mark.parametrize("tuning", TUNINGS)
def test_the_form_shows_the_fields_of_the_chosen_tuning_and_no_others(tuning: str) -> None:
    updates = dict(zip(FIELDS, recipe_edits.fit_method("", *values_of({"tuning": tuning}))[2:], strict=True))
    shown = {name for name in tunings.OWN_FIELDS if updates[name]["visible"]}
    assert shown == {name for name in tunings.OWN_FIELDS if tunings.uses(tuning, name)}
    assert updates["learning_rate"]["value"] == METHODS["sft"].rate(tuning)


def test_a_method_offers_the_tunings_that_fit_it_and_leaves_one_that_does_not() -> None:
    updates = dict(
        zip(FIELDS, recipe_edits.fit_method("", *values_of({"method": "orpo", "tuning": "prompt"}))[2:], strict=True)
    )
    assert "prompt" not in [value for _, value in updates["tuning"]["choices"]]
    assert updates["tuning"]["value"] == "lora"
    assert recipe_of(values_of({"tuning": "full", "lora_r": 99}))["lora_r"] == 16  # not shown, and so not meant


def test_another_method_forgets_what_it_cannot_use_and_brings_its_own_rate(ready: dict[str, Any]) -> None:
    before = values_of({**ready, "method": "dpo", "loss_type": "ipo", "beta": 0.5, "learning_rate": 2e-4})
    after = dict(zip(FIELDS, recipe_edits.fit_method("", *before)[2:], strict=True))
    assert (after["loss_type"]["value"], after["beta"]["value"], after["learning_rate"]["value"]) == ("ipo", 0.5, 2e-5)
    before[FIELDS.index("method")] = "kto"
    assert recipe_of(values_of(recipe_form.fitted(recipe_of(before))))["loss_type"] is None
    before[FIELDS.index("method")] = "sft"
    assert recipe_of(before)["beta"] is None
    chosen = values_of({**ready, "method": "sft", "learning_rate": 3e-4})
    assert dict(zip(FIELDS, recipe_edits.fit_method("", *chosen)[2:], strict=True))["learning_rate"]["value"] == 3e-4


@pytest.mark.parametrize(("kind", "method"), [("preference", "dpo"), ("unpaired", "kto"), ("prompt", "grpo")])
def test_a_dataset_chooses_a_method_that_learns_from_its_rows(ready: dict[str, Any], kind: str, method: str) -> None:
    add(dataset("d7", kind=kind))
    after = dict(zip(FIELDS, recipe_edits.fit_dataset("", *values_of({**ready, "dataset_id": "d7"}))[2:], strict=True))
    assert (after["method"]["value"], after["learning_rate"]["value"]) == (method, 2e-5)
    assert begun(dataset="d7").recipe["method"] == method
    checked = check(recipe_of([after[name]["value"] for name in FIELDS]))
    assert checked.errors == []


# What it begins with.


def test_it_begins_with_the_newest_that_fit_and_says_why_the_others_do_not(ready: dict[str, Any]) -> None:
    add(dataset("d2", status=DatasetStatus.IMPORTING))
    add(dataset("d3", accepted=0))
    add(dataset("d4", status=DatasetStatus.FAILED, error="Torn."))
    add(dataset("d5", status=DatasetStatus.NEEDS_MAPPING))
    add(Model(source="hub", source_id="x", name="far", status=ModelStatus.QUEUED))
    add(Model(source="hub", source_id="y", name="big", status=ModelStatus.READY, trainable=False))
    add(Model(source="hub", source_id="z", name="lost", status=ModelStatus.FAILED, error="Gone."))
    name, press, left_out, _menu, _given, unit, *rest = page.open_form("", Request())
    fields = dict(zip(FIELDS, rest, strict=False))
    assert (name, unit) == ("", "epochs")
    assert len(press) == 16
    assert fields["model_id"]["choices"] == [("tiny · 712 parameters", "m1")]
    assert fields["dataset_id"]["choices"] == [("rows d1 · chat · 40 rows", "d1")]
    assert (fields["model_id"]["value"], fields["dataset_id"]["value"]) == ("m1", "d1")
    for reason in (
        "still being imported",
        "no usable row",
        "Torn.",
        "no known meaning",
        "still being fetched",
        "Gone.",
    ):
        assert reason in left_out
    assert "7 not in these lists" in left_out


def test_without_a_model_there_are_two_ways_to_one_and_without_data_one(ready: dict[str, Any]) -> None:
    query = {"project": "default"}
    assert nothing_yet.needs_html(query) == ""
    with db.session() as session:
        session.delete(session.get_one(Dataset, "d1"))
    html = nothing_yet.needs_html(query)
    assert (html.count("ts-button"), 'href="/data"' in html) == (1, True)
    with db.session() as session:
        session.get_one(Model, "m1").trainable = False
    html = nothing_yet.needs_html(query)
    assert (html.count("ts-button"), 'data-act="starter"' in html, 'href="/models"' in html) == (2, True, True)
    nothing_yet.act(Click("starter"))
    html = nothing_yet.needs_html(query)
    assert "is being fetched" in html
    assert 'role="progressbar"' in html
    assert "ts-button" not in html


def test_without_anything_the_form_says_what_to_choose() -> None:
    checks = page.open_form("", Request())[-6]
    assert "Choose a model." in checks
    assert "Choose a dataset." in checks


def begun(draft: str = "", **query: str) -> recipe_source.Start:
    return recipe_source.start_values(draft, query, recipe_source.choices_in("default"))


def test_the_address_chooses_model_and_dataset_and_plain_text_its_method(ready: dict[str, Any]) -> None:
    add(dataset("d9", kind="text"))
    start = begun(dataset="d9", model="m1")
    assert start.recipe == {"model_id": "m1", "dataset_id": "d9", "method": "cpt"}
    assert provenance.origins_to_show(start.recipe, start.given) == {"method": "dataset"}


def test_a_run_can_be_repeated_with_its_own_recipe(ready: dict[str, Any], toasts: list[str]) -> None:
    recipe = Recipe(**ready, **CHANGED).model_dump()
    add(Run(id="r1", project_id="default", name="first", model_id="m1", dataset_id="d1", recipe=recipe))
    start = begun(**{"from": "r1"})
    assert (start.name, start.recipe) == ("first again", recipe)
    assert provenance.source_run(start.given) == "r1"
    assert set(provenance.origins_to_show(recipe, start.given).values()) == {"run: r1"}
    name, *_rest = page.open_form("", Request(**{"from": "gone"}))
    assert name == ""
    assert "There is no run gone" in toasts[0]


def test_a_draft_comes_back_and_an_unreadable_one_is_passed_over(ready: dict[str, Any]) -> None:
    draft = json.dumps({"name": "mine", "form": {"bf16": "on", "learning_rate": 0.1, "no_such_field": 1}})
    assert begun(draft, dataset="d1") == recipe_source.Start("mine", {"bf16": "on", "learning_rate": 0.1})
    for broken in ("{", "[]", '"x"', '{"form": 3}'):
        assert begun(broken).recipe["model_id"] == "m1"


# The views of one recipe.


def test_an_edit_of_the_form_shows_in_yaml_command_and_checks(ready: dict[str, Any]) -> None:
    text, wrong, command, checks, *_ = page.views_of("", *values_of({**ready, "learning_rate": 0.001, "max_steps": 12}))
    assert yaml.safe_load(text)["learning_rate"] == 0.001
    assert wrong == ""
    assert f"-m {plan.WORKERS['sft']}" in command
    assert "12 steps" in checks
    assert "Length" in checks
    assert 'data-state="good"' in checks


def test_the_yaml_is_shown_even_while_the_form_is_wrong(ready: dict[str, Any]) -> None:
    text, _wrong, command, checks, *_ = page.views_of("", *values_of({**ready, "learning_rate": 5}))
    assert yaml.safe_load(text)["learning_rate"] == 5
    assert "No command yet" in command
    assert 'data-field="learning_rate" data-message="Learning rate must be less than or equal to 1."' in checks


def test_an_edit_of_the_yaml_fills_the_form(ready: dict[str, Any]) -> None:
    recipe = Recipe(**ready, **{**CHANGED, "method": "sft"})
    answer = page.read_yaml(to_yaml(recipe), "", *values_of(ready))
    _given, unit, *fields = answer[: len(FIELDS) + 2]
    assert Recipe.model_validate(recipe_of([update["value"] for update in fields])) == recipe
    assert unit == "steps"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model_id: m\nlearning_rate: [", "Line 2: Expected the node content"),
        ("model_id: m\nseed: 1\nseed: 2", "Line 3: `seed` is there twice."),
        ("- a", "field: value"),
        ("model_id: m\ndataset_id: d\nlearning_rate: fast", "Line 3: `learning_rate` is &#39;fast&#39;"),
        ("model_id: m\ndataset_id: d\n<b>: 1", "Line 3: There is no recipe field `&lt;b&gt;`"),
    ],
)
def test_wrong_yaml_says_what_is_wrong_leaves_the_form_and_cannot_start(text: str, words: str) -> None:
    *fields, wrong, command, checks, _marks, _presets, fit, _written, button = page.read_yaml(text, "", *values_of({}))
    assert words in wrong
    assert words in checks
    assert 'data-state="bad"' in checks
    assert all(update == gr.skip() for update in fields)
    assert "No command yet" in command
    assert fit == ""
    assert button["interactive"] is False


def test_epochs_and_steps_exclude_each_other() -> None:
    epochs, steps = recipe_edits.count_in("steps")
    assert (epochs["visible"], steps["visible"], steps["value"]) == (False, True, recipe_edits.FIRST_STEPS)
    epochs, steps = recipe_edits.count_in("epochs")
    assert (epochs["visible"], steps["visible"], steps["value"]) == (True, False, -1)


# What is wrong is said where it is.


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("learning_rate", None, "Learning rate is empty."),
        ("learning_rate", 0, "Learning rate must be greater than 0."),
        ("lora_r", 2.5, "LoRA rank must be a valid integer"),
        ("target_modules", "", "Layers is empty."),
        ("model_id", None, "Choose a model."),
        ("dataset_id", "typed", "There is no dataset with the id typed."),
    ],
)
def test_each_problem_stands_at_its_field_in_plain_words(
    ready: dict[str, Any], field: str, value: Any, words: str
) -> None:
    checked = check(recipe_of(values_of({**ready, field: value})))
    assert [(problem.field, problem.level) for problem in checked.problems] == [(field, "error")]
    assert checked.problems[0].message.startswith(words)


def test_a_rule_about_two_fields_stands_at_the_one_to_change(ready: dict[str, Any]) -> None:
    checked = check(recipe_of(values_of({**ready, "method": "grpo", "num_generations": 3, "reward_funcs": "length"})))
    assert [problem.field for problem in checked.problems] == ["num_generations"]


def test_what_the_engine_would_refuse_is_said_before_the_start(ready: dict[str, Any]) -> None:
    checked = check(recipe_of(values_of({**ready, "method": "cpt"})))
    assert [problem.field for problem in checked.errors] == ["method"]
    html = check_html(checked)
    assert "One thing to fix" in html
    assert checked.problems[0].hint in html


def test_a_warning_does_not_stand_in_the_way(ready: dict[str, Any]) -> None:
    checked = check(recipe_of(values_of({**ready, "learning_rate": 0.5})))
    assert [problem.level for problem in checked.problems] == ["warning"]
    assert "Ready, with a remark" in check_html(checked)
    assert "engine.workers" in command_html(checked)


def test_packing_leaves_the_number_of_steps_open(ready: dict[str, Any]) -> None:
    checked = check({**recipe_of(values_of(ready)), "packing": True, "train_sampling_strategy": "random"})
    assert "once the rows are packed" in check_html(checked)


# Start.


def test_a_double_click_starts_one_run_named_after_model_and_dataset(ready: dict[str, Any]) -> None:
    first, second = (page.start(Request(), "press-1", "", "", " ", "", *values_of(ready)) for _ in range(2))
    assert first[0] == second[0]
    assert [(run.id, run.name) for run in every_run()] == [(first[0], "tiny on rows d1")]
    assert every_run()[0].recipe == Recipe(**ready).model_dump()


def test_a_recipe_that_cannot_work_does_not_start_and_says_why(ready: dict[str, Any], toasts: list[str]) -> None:
    for wrong in ({"learning_rate": 9}, {"method": "cpt"}):
        started, checks = page.start(Request(), "press", "", "", "x", "", *values_of({**ready, **wrong}))
        assert started == ""
        assert 'data-state="bad"' in checks
    assert every_run() == []
    assert "Learning rate must be" in toasts[0]
    assert len(toasts) == 2


def test_a_run_always_gets_a_name() -> None:
    assert page.name_for(Checked(None, None, None, [])) == "Run"


def test_names_from_outside_are_escaped(ready: dict[str, Any]) -> None:
    add(dataset("d2", name="<img src=x>", status=DatasetStatus.FAILED, error="<b>"))
    add(dataset("d3", name="<i>${1}"))
    html = "".join(map(str, page.open_form("", Request(dataset="d3"))[2:3]))
    html += check_html(check({**recipe_of(values_of(ready)), "dataset_id": "d3"}))
    assert "<img" not in html
    assert "<i>$" not in html
    assert "&lt;i&gt;" in html


def test_every_event_of_the_page_is_private_and_none_holds_a_connection() -> None:
    with gr.Blocks() as blocks:
        page.page()
    assert {event["api_visibility"] for event in blocks.config["dependencies"]} == {"private"}
    assert blocks.config["connect_heartbeat"] is False


@pytest.mark.parametrize("name", FIELDS)
def test_the_help_of_a_field_calls_other_fields_as_the_form_does(name: str) -> None:
    words = set(re.findall(r"[a-z]+_[a-z_]+", help_of(name)))
    assert not words & set(FIELDS), words
    assert " id" not in help_of(name).replace(" ids", "")


@pytest.mark.parametrize("method", METHODS)
def test_each_method_says_in_one_line_what_it_learns(method: str) -> None:
    assert 20 < len(METHOD_HELP[method]) < 110
    assert updates_for(method)["method"] == {"info": METHOD_HELP[method]}
    assert " rows." in updates_for(method)["dataset_id"]["info"]
