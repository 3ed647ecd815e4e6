"""What starts is what the page shows: form, YAML and project, and what the form makes of a choice."""

from typing import Any

import gradio as gr

from engine.accounts import projects
from engine.recipes import provenance
from engine.recipes.recipe import Recipe, to_yaml
from pages.train import page, recipe_edits
from pages.train.recipe_check import check
from pages.train.recipe_form import FIELDS, recipe_of, values_of
from tests.pages.clicks import Visitor
from tests.pages.train.test_page import Request, every_run
from tests.pages.train.test_page import ready as ready


def test_nothing_starts_while_the_yaml_that_is_shown_is_no_recipe(ready: dict[str, Any], toasts: list[str]) -> None:
    written = to_yaml(Recipe(**ready))
    typed = written + "bogus_field: 3\n"
    started, checks = page.start(Request(), "press", typed, written, "x", "", *values_of(ready))
    assert started == ""
    assert f"Line {typed.count(chr(10))}: There is no recipe field `bogus_field`" in checks
    assert "The YAML is not a recipe." in toasts[0]
    assert every_run() == []


def test_a_yaml_that_the_form_has_not_taken_over_yet_is_what_starts(ready: dict[str, Any]) -> None:
    written = to_yaml(Recipe(**ready))
    typed = to_yaml(Recipe(**ready, max_steps=7))
    started, _ = page.start(Request(), "press", typed, written, "x", "", *values_of(ready))
    assert [(run.id, run.recipe["max_steps"]) for run in every_run()] == [(started, 7)]


def test_a_form_that_was_changed_after_the_yaml_is_what_starts(ready: dict[str, Any]) -> None:
    written = to_yaml(Recipe(**ready))
    page.start(Request(), "press", written, written + "\n", "x", "", *values_of({**ready, "max_steps": 8}))
    assert [run.recipe["max_steps"] for run in every_run()] == [8]


def test_what_looks_again_by_itself_leaves_a_text_that_is_being_typed(ready: dict[str, Any]) -> None:
    written = to_yaml(Recipe(**ready))
    assert page.look_again(written + "x", written, "", *values_of(ready)) == [gr.skip()] * 9
    text, _, _, checks, *_, kept, button = page.look_again(written, written, "", *values_of(ready))
    assert (text, kept) == (gr.skip(), gr.skip())
    assert "Ready to start" in checks
    assert button["interactive"] is True


def test_a_run_belongs_to_the_project_that_its_page_shows(ready: dict[str, Any]) -> None:
    """Another tab may have gone to another project, which is a cookie of all tabs."""
    elsewhere = projects.create_project("Elsewhere")
    request: Any = Visitor(tunesmith_project=elsewhere.id)
    page.start(request, "press", "", "", "x", "", *values_of(ready))
    assert [run.project_id for run in every_run()] == ["default"]


def test_start_can_be_pressed_as_long_as_the_form_is_a_recipe(ready: dict[str, Any]) -> None:
    assert page.views_of("", *values_of(ready))[-1]["interactive"] is True
    assert page.views_of("", *values_of({**ready, "max_length": 2}))[-1]["interactive"] is False
    assert page.views_of("", *values_of({}))[-1]["interactive"] is False


# Packing.


def test_packing_alone_makes_the_order_random_and_the_form_says_why(ready: dict[str, Any]) -> None:
    given, _, *updates = recipe_edits.fit_defaults("", *values_of({**ready, "packing": True}))
    after = dict(zip(FIELDS, updates, strict=True))
    assert after["train_sampling_strategy"]["value"] == "random"
    values = [after[name]["value"] for name in FIELDS]
    assert provenance.origins_to_show(recipe_of(values), provenance.from_json(given)) == {
        "packing": "you",
        "train_sampling_strategy": "field: packing",
    }
    assert check(recipe_of(values)).errors == []
    values[FIELDS.index("packing")] = False
    _, _, *updates = recipe_edits.fit_defaults(given, *values)
    assert dict(zip(FIELDS, updates, strict=True))["train_sampling_strategy"]["value"] == "group_by_length"


def test_packing_in_the_yaml_says_what_becomes_of_the_order(ready: dict[str, Any]) -> None:
    text = "".join(f"{name}: {value}\n" for name, value in ready.items()) + "packing: true\n"
    answer = page.read_yaml(text, "", *values_of(ready))
    after = dict(zip(FIELDS, answer[2:], strict=False))
    assert after["train_sampling_strategy"]["value"] == "random"
    assert "becomes random" in answer[len(FIELDS) + 2]
    assert provenance.from_json(answer[0])["train_sampling_strategy"][0] == "field: packing"
