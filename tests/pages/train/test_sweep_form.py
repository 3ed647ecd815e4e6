"""A sweep begun in the Train form: any field becomes a range, what is wrong stands at it, and what starts is shown."""

import re
from typing import Any

import gradio as gr
import pytest

from engine.recipes.recipe import Recipe
from engine.sweeps import proposals, yaml_file
from engine.sweeps.spec import Choices, Range, SweepSpec
from pages.train import sweep_form, sweep_values
from pages.train.recipe_form import FIELDS, recipe_of, values_of
from pages.train.sweep_values import Typed
from storage import db
from storage.sweeps import sweeps as stored
from storage.tables import Sweep
from tests.pages.clicks import Click
from tests.pages.train.test_page import Request
from tests.pages.train.test_page import ready as ready

HELD_OUT = {"eval_fraction": 0.25}


class Form:
    """The page's part of a sweep, as a browser sees it: what is kept, the panel, what it would take."""

    def __init__(self, recipe: dict[str, Any]) -> None:
        self.values = values_of({**recipe, **HELD_OUT})
        self.kept: str
        self.panel: str
        self.outcome: str
        self.kept, self.panel, self.outcome = sweep_form.show("", "", "", *self.values)

    def click(self, name: str, id: str = "", **texts: str) -> list[Any]:
        """A click; texts are what stands in the controls, all of which the browser sends along."""
        event: Any = Click(name, id, **{**self.texts, **texts})
        answer = sweep_form.act(event, self.kept, "", "", *self.values)
        self.kept, self.panel, self.outcome = answer[:3]
        return answer[3:]

    def type(self, **texts: str) -> str:
        event: Any = Click("edit", "", **{**self.texts, **{name.replace("__", "."): texts[name] for name in texts}})
        self.kept, self.outcome = sweep_form.edit(event, self.kept, "", "", *self.values)
        return self.outcome

    def start(self) -> list[Any]:
        request: Any = Request()
        event: Any = Click("start", "", **self.texts)
        return sweep_form.start(request, event, self.kept, "", "", *self.values)

    @property
    def texts(self) -> dict[str, str]:
        return dict(sweep_values.from_json(self.kept).texts)

    @property
    def spec(self) -> SweepSpec:
        """As the YAML beside the form says."""
        text = re.search(r'id="sweep-yaml"[^>]*>(.*?)</pre>', self.outcome, re.DOTALL)
        assert text, self.outcome
        return yaml_file.read(text[1].replace("&#39;", "'"))

    def problems(self) -> list[tuple[str, str]]:
        pattern = r'<li data-level="error" data-for="(\w+)"><b>.*?</b> <span>(.*?)</span>'
        return [(match[1], match[2]) for match in re.finditer(pattern, self.outcome)]


@pytest.fixture
def opened(ready: dict[str, Any]) -> Form:
    form = Form(ready)
    form.click("open")
    return form


def test_who_wants_one_training_sees_one_button(ready: dict[str, Any]) -> None:
    form = Form(ready)
    assert form.outcome == ""
    assert form.panel.count("<button") == 1
    assert "Find settings by a sweep" in form.panel


def test_a_sweep_begins_with_the_learning_rate_and_can_start_at_once(opened: Form) -> None:
    assert opened.spec.space == {"learning_rate": Range(low=1e-5, high=1e-3, log=True)}
    assert opened.spec.budget.trials == 20
    assert opened.problems() == []
    assert "20; one at a time" in opened.outcome


def test_one_click_makes_a_range_of_a_field_and_another_makes_it_one_value(opened: Form) -> None:
    opened.click("field", "lora_r")
    opened.click("field", "optim")
    assert opened.spec.space["lora_r"] == Range(low=4, high=64, log=True)
    optimisers = opened.spec.space["optim"]
    assert isinstance(optimisers, Choices)
    assert optimisers.choices[:2] == ("adamw_torch", "adafactor")
    opened.click("field", "lora_r")
    assert list(opened.spec.space) == ["learning_rate", "optim"]
    assert "lora_r.low" not in opened.texts


def test_every_field_with_a_button_can_be_swept_as_it_is_proposed(opened: Form) -> None:
    """What the form writes of a proposal is read as the same proposal."""
    recipe = recipe_of(opened.values)
    for method, tuning in (("sft", "lora"), ("dpo", "qlora"), ("grpo", "full"), ("gkd", "boft")):
        changed = {**recipe, "method": method, "tuning": tuning}
        names = sweep_values.offered(changed)
        assert len(names) > 15
        for name in names:
            typed = sweep_values.added(Typed(open=True), name, changed)
            part = sweep_values.spec_values(typed, changed, "n", 40)["space"][name]
            proposed = proposals.propose(name, method, tuning, changed)
            parsed = SweepSpec.model_validate(
                {"name": "n", "recipe": {}, "space": {name: part}, "budget": {"trials": 1}}
            ).space[name]
            assert parsed == proposed, name


def test_what_is_typed_is_what_is_tried(opened: Form) -> None:
    opened.type(
        learning_rate__low="3e-5", learning_rate__high="3e-4", learning_rate__log="", learning_rate__step="9e-5"
    )
    assert opened.spec.space["learning_rate"] == Range(low=3e-5, high=3e-4, step=9e-5)
    opened.type(metric="eval_loss", second="seconds", sampler="nsga2", trials="", hours="1.5", seed="7")
    spec = opened.spec
    assert [(one.metric, one.direction) for one in spec.objectives] == [
        ("eval_loss", "minimize"),
        ("seconds", "minimize"),
    ]
    assert (spec.sampler, spec.budget.trials, spec.budget.seconds, spec.seed) == ("nsga2", None, 5400, 7)


def test_a_range_becomes_choices_with_its_ends_and_a_range_again(opened: Form) -> None:
    opened.click("field", "lora_r")
    opened.click("turn", "lora_r", **{"lora_r.kind": "choices"})
    assert dict(opened.spec.space)["lora_r"] == Choices(choices=(4, 64))
    opened.type(lora_r__choices="4\n8\n 16 \n")
    assert dict(opened.spec.space)["lora_r"] == Choices(choices=(4, 8, 16))
    opened.click("turn", "lora_r", **{"lora_r.kind": "range"})
    assert dict(opened.spec.space)["lora_r"] == Range(low=4, high=64, log=True)


@pytest.mark.parametrize(
    ("texts", "field", "words"),
    [
        ({"learning_rate__low": "1"}, "learning_rate", "low is above high"),
        ({"learning_rate__low": "0"}, "learning_rate", "learning_rate has low 0"),
        ({"learning_rate__low": "fast"}, "learning_rate", "is &#39;fast&#39;"),
        ({"learning_rate__high": ""}, "learning_rate", "is missing"),
        ({"trials": ""}, "budget", "The budget is empty"),
        ({"trials": "0"}, "budget", "greater than or equal to 1"),
        ({"hours": "-1"}, "budget", "greater than 0"),
        ({"sampler": "grid"}, "sampler", "has no last one"),
        ({"sampler": "cmaes"}, "sampler", "needs two fields"),
        ({"pruner": "median", "second": "seconds"}, "pruner", "needs one objective"),
        ({"pruner": "median", "metric": "taste"}, "pruner", "taste is not"),
        ({"proxy_share": "100"}, "proxy", "less than 1"),
        ({"patience": "2"}, "patience", "greater than or equal to 3"),
        ({"parallel": "0"}, "parallel", "greater than or equal to 1"),
        ({"repeats": "many"}, "repeats", "is &#39;many&#39;"),
    ],
)
def test_what_is_wrong_is_said_at_its_part_and_nothing_can_start(
    opened: Form, texts: dict[str, str], field: str, words: str
) -> None:
    opened.type(**texts)
    assert field in [name for name, message in opened.problems() if words in message], opened.problems()
    assert 'data-act="start" disabled' in opened.outcome


def test_another_method_takes_what_it_reads_and_starts_from_its_own_rates(opened: Form) -> None:
    for name in ("lora_r", "neftune_noise_alpha"):
        opened.click("field", name)
    recipe = {**recipe_of(opened.values), "method": "dpo", "tuning": "full"}
    kept, panel, outcome = sweep_form.look(opened.kept, "", "", *values_of(recipe))
    typed = sweep_values.from_json(kept)
    assert typed.fields == ("learning_rate",)
    assert typed.text("learning_rate.high") == "3e-6" or float(typed.text("learning_rate.high")) < 1e-4
    assert 'data-field="beta"' in panel
    assert "eval_rewards/accuracies" in panel
    assert outcome


def test_a_change_of_the_recipe_leaves_the_controls_alone(opened: Form) -> None:
    kept, panel, outcome = sweep_form.look(
        opened.kept, "", "", *values_of({**recipe_of(opened.values), "max_steps": 7})
    )
    assert (kept, panel) == (opened.kept, gr.skip())
    assert "max_steps: 7" in outcome


def test_closed_it_costs_nothing_and_opens_as_it_was(opened: Form) -> None:
    opened.type(learning_rate__low="3e-5")
    opened.click("close")
    assert opened.outcome == ""
    assert sweep_form.look(opened.kept, "", "", *opened.values) == [gr.skip()] * 3
    opened.click("open")
    assert opened.texts["learning_rate.low"] == "3e-5"


def test_trials_are_measured_at_the_same_steps(opened: Form) -> None:
    """Where the recipe leaves it open, faster trials would be measured at other steps than slower ones."""
    assert opened.spec.recipe["eval_steps"] == 1
    opened.values = values_of({**recipe_of(opened.values), "max_steps": 200})
    opened.type(proxy_steps="100")
    assert opened.spec.recipe["eval_steps"] == 10


def test_start_makes_the_sweep_that_is_shown_and_a_second_one_gets_another_name(opened: Form) -> None:
    opened.type(learning_rate__low="3e-5", trials="4")
    sweep_id, left = opened.start()
    again, _ = opened.start()
    with db.reading() as session:
        first, second = session.get_one(Sweep, sweep_id), session.get_one(Sweep, again)
    assert left == gr.skip()
    assert SweepSpec.model_validate(first.spec) == opened.spec.model_copy(update={"name": first.name})
    assert (first.name, second.name) == ("rows d1: learning_rate", "rows d1: learning_rate 2")


def test_a_name_that_is_taken_is_refused_where_a_person_gave_it(opened: Form, toasts: list[str]) -> None:
    opened.type(name="rates")
    assert opened.start()[0]
    sweep_id, outcome = opened.start()
    assert sweep_id == ""
    assert "There is a sweep named `rates` in this project already." in toasts[-1]
    assert "Start sweep" in outcome


def test_nothing_starts_that_the_panel_refuses(opened: Form, toasts: list[str]) -> None:
    opened.type(learning_rate__low="1")
    assert opened.start()[0] == ""
    assert "low is above high" in toasts[-1]
    with db.reading() as session:
        assert stored.recent(session) == []


def test_a_sweeps_yaml_fills_the_form_again(opened: Form, ready: dict[str, Any]) -> None:
    opened.click("field", "use_dora")
    opened.type(trials="7", pruner="hyperband", proxy_share="50", full="2", repeats="3", hours="2")
    spec = opened.spec
    other = Form({**ready, "lora_r": 64})
    fields = other.click("import", text=yaml_file.to_yaml(spec))
    assert other.spec == spec.model_copy(update={"recipe": other.spec.recipe})
    assert other.spec.recipe == {**spec.recipe, "lora_r": 64}
    assert fields[2:][FIELDS.index("eval_steps")]["value"] == spec.recipe["eval_steps"]


def test_a_yaml_that_is_no_sweep_changes_nothing(opened: Form, toasts: list[str]) -> None:
    before = opened.kept
    event: Any = Click("import", "", text="name: x\nspace: []\n")
    answer = sweep_form.act(event, before, "", "", *opened.values)
    assert answer == [gr.skip()] * (3 + 2 + len(FIELDS))
    assert "The sweep is not valid." in toasts[-1]


@pytest.mark.parametrize(
    "kept", ["", "{", "[]", '{"open": 1}', '{"open": true, "fields": 3, "texts": {}, "shape": ""}']
)
def test_what_a_browser_kept_and_cannot_be_read_is_nothing(kept: str) -> None:
    assert sweep_values.from_json(kept) == Typed()


def test_what_people_typed_is_escaped(opened: Form) -> None:
    opened.type(name="<script>", learning_rate__low="<b>")
    assert "<script>" not in opened.outcome
    assert "<b>&#39;" not in opened.outcome
    opened.click("field", "lora_r")
    assert "<script>" not in opened.panel


def test_every_recipe_field_of_a_sweep_is_one_the_form_shows(opened: Form) -> None:
    assert set(sweep_values.offered(recipe_of(opened.values))) <= set(Recipe.model_fields)
