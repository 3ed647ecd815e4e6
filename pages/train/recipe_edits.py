"""What a change of one field, a preset or a probe does to the rest of the Train form, and to where values came from.

Each function takes what the form carries, `given` (see `engine.recipes.provenance`), and the form's values, and
answers with [given, the unit of the length, an update for every field].
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import gradio as gr

from engine.recipes import presets, provenance
from engine.recipes.validation.checkpoints import NEED_HELD_OUT
from engine.recipes.validation.yielding import YIELDING, giving_way
from pages.train import row_panel
from pages.train.recipe_check import HOLD_OUT, check
from pages.train.recipe_form import FIELDS, fitted, recipe_of, updates_for, values_of
from pages.train.recipe_source import Choices, kind_of
from storage import datasets, db, models
from storage.tables import Dataset, Model

UNITS = ["epochs", "steps"]
FIRST_STEPS = 100
Values = dict[str, Any]


def form_of(recipe: Mapping[str, Any], given: provenance.Given, offered: Choices | None = None) -> list[Any]:
    """The whole form showing `recipe`; `offered` fills the dropdowns too."""
    recipe, given = _settled(dict(recipe), given)
    in_steps = counts_steps(recipe)
    updates = {name: gr.update(value=value) for name, value in zip(FIELDS, values_of(recipe), strict=True)}
    for name, update in updates_for(str(recipe["method"]), str(recipe["tuning"])).items():
        updates[name] |= update
    updates["num_train_epochs"]["visible"], updates["max_steps"]["visible"] = not in_steps, in_steps
    if offered:
        choices_of = {"model_id": offered.models, "dataset_id": offered.datasets, **offered.companions}
        for name, choices in choices_of.items():
            updates[name]["choices"] = choices
    return [provenance.to_json(given), UNITS[in_steps], *updates.values()]


def leaving_the_rest(handler: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """The same answer to a change, without the values that it only gives back.

    A person may have changed them by the time the answer comes, and would lose that.
    """

    @wraps(handler)  # Gradio looks at the signature
    def answered(*arguments: Any) -> list[Any]:
        given, unit, *updates = handler(*arguments)
        sent = arguments[-len(FIELDS) :]
        return [given, unit, *(_without_same(update, value) for update, value in zip(updates, sent, strict=True))]

    return answered


def _without_same(update: Any, sent: Any) -> Any:
    """An update of a field that showed `sent`."""
    if not isinstance(update, dict) or "value" not in update or update["value"] != sent:
        return update
    return {name: value for name, value in update.items() if name != "value"}


def _settled(recipe: Values, given: provenance.Given) -> tuple[Values, provenance.Given]:
    """With every default that gives way to a choice as the recipe itself has it; it comes back without that choice."""
    for rule in YIELDING:
        origin = provenance.named("field", rule.chosen)
        if not rule.is_asked(recipe) and given.get(rule.field, ("", None))[0] == origin:
            recipe, given = provenance.without(given, recipe, [origin])
    for rule in giving_way(recipe):
        changes = {rule.field: rule.becomes}
        recipe = recipe | changes
        given = provenance.note_origin(given, changes, provenance.named("field", rule.chosen))
    return recipe, given


def counts_steps(recipe: Mapping[str, Any]) -> bool:
    """Whether this recipe says how long it goes on in steps. -1 (TRL's word for none) says it does not."""
    return bool(recipe.get("max_steps") != -1)


def count_in(unit: str) -> list[Any]:
    """Shows the field of the chosen unit. Epochs mean that max_steps is -1."""
    in_steps = unit == "steps"
    return [gr.update(visible=not in_steps), gr.update(visible=in_steps, value=FIRST_STEPS if in_steps else -1)]


def put(changes: Mapping[str, Any], origin: str, given: str, *values: Any) -> list[Any]:
    """The form with these values in it, said to come from `origin`, such as `engine.recipes.provenance.PROBE`."""
    return form_of(
        {**recipe_of(values), **changes}, provenance.note_origin(provenance.from_json(given), changes, origin)
    )


def fit_method(given: str, *values: Any) -> list[Any]:
    """The form after a choice of method or tuning: the fields of their own, with what they offer."""
    return _fitted(given, recipe_of(values))


def fit_defaults(given: str, *values: Any) -> list[Any]:
    """The form after a choice to which a default gives way (engine.recipes.validation.yielding)."""
    return form_of(recipe_of(values), provenance.from_json(given))


def fit_dataset(given: str, *values: Any) -> list[Any]:
    """The form after a choice of dataset: with a method that learns from such rows."""
    recipe = recipe_of(values)
    return _fitted(given, recipe, kind_of(str(recipe["dataset_id"] or "")))


def _fitted(given: str, before: Values, kind: str | None = None) -> list[Any]:
    after = fitted(before, kind)
    origins = provenance.from_json(given)
    for name, origin in (("method", provenance.DATASET), ("learning_rate", provenance.METHOD)):
        if after[name] != before[name]:
            origins = provenance.note_origin(origins, {name: after[name]}, origin)
    return form_of(after, origins)


def fit_model(given: str, *values: Any) -> list[Any]:
    """The form after a choice of model: rows no longer than it reads."""
    recipe, origins = provenance.without(provenance.from_json(given), recipe_of(values), [provenance.MODEL_CARD])
    return form_of(*presets.with_length_capped(recipe, origins, model_and_dataset(recipe)[0]))


def choose_preset(event: gr.EventData, given: str, *values: Any) -> list[Any]:
    """The form after a click on a preset: with it, or without it when it was in force."""
    recipe, origins = recipe_of(values), provenance.from_json(given)
    preset = presets.look_up(event.id)
    model, dataset = model_and_dataset(recipe)
    if provenance.still_holds(origins, recipe, preset.origin):
        return form_of(*presets.take_back([preset], recipe, origins, model))
    return form_of(*presets.choose(preset, recipe, origins, model, dataset))


def put_back(event: gr.EventData, given: str, *values: Any) -> list[Any]:
    """The form after a click on a field's mark: the field as it was given, or at its default when it was that."""
    recipe, origins = recipe_of(values), provenance.from_json(given)
    if event.id in FIELDS:
        recipe[event.id], _ = provenance.put_back(
            event.id, recipe, origins, presets.method_defaults(recipe, model_and_dataset(recipe)[0])
        )
    return form_of(fitted(recipe) if event.id in ("method", "tuning") else recipe, origins)


def mend(event: gr.EventData, given: str, *values: Any) -> list[Any]:
    """The form after a click in the panel of checks: `mend` puts into it what a remark offers instead.

    That is looked up anew, for the form may have changed. After any other click the form is what it was.
    """
    if event.name == HOLD_OUT:
        return form_of(_holding_out(recipe_of(values)), provenance.from_json(given))
    if event.name == "count":
        row_panel.begin(recipe_of(values))
    remedies = [
        problem for problem in check(recipe_of(values)).problems if problem.field == event.id and problem.instead
    ]
    if event.name != "mend" or not remedies:
        return [gr.skip()] * (len(FIELDS) + 2)
    instead, origins = remedies[0].instead, provenance.from_json(given)
    recipe = {**recipe_of(values), **instead}
    return form_of(
        fitted(recipe) if "tuning" in instead else recipe, provenance.note_origin(origins, instead, provenance.REMARK)
    )


def _holding_out(recipe: Values) -> Values:
    """The recipe with held-out rows as by default; or without any, and without what looks at them."""
    if recipe["eval_fraction"] == 0:
        return {**recipe, "eval_fraction": None}
    return {**recipe, "eval_fraction": 0.0, **{name: provenance.default(name) for name in NEED_HELD_OUT}}


def model_and_dataset(recipe: Mapping[str, Any]) -> tuple[Model | None, Dataset | None]:
    """The model and the dataset that a recipe names, as far as they are there."""
    with db.reading() as session:
        model = models.get(session, str(recipe.get("model_id") or ""))
        return model, datasets.get(session, str(recipe.get("dataset_id") or ""))
