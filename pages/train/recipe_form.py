"""The recipe as a form: one component for each field, made from what the Recipe says about it.

The field's title is the label, its description the help, its type decides the component. Limits are not repeated here:
the Recipe checks its values itself, and says in words what is wrong.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import gradio as gr
from gradio.components import Component
from pydantic_core import PydanticUndefined

from engine.recipes import auxiliary_models, methods
from engine.recipes.choices import tunings
from engine.recipes.methods import METHODS, RATES, for_kind
from engine.recipes.recipe import GROUPS, Recipe
from pages.train.field_words import METHOD_HELP, dataset_help, help_of

FIELDS = tuple(Recipe.model_fields)

# Advanced, in the order a person would look for things.
SECTIONS = {group.TITLE: tuple(group.model_fields) for group in GROUPS}
SECTION_OF = {name: f"group-{at}" for at, names in enumerate(SECTIONS.values()) for name in names}  # its element
ABOUT = {group.TITLE: (group.__doc__ or "").partition("\n")[0] for group in GROUPS}

AUTO = "auto"  # what an empty choice is called inside the form: a Gradio choice cannot have the value None

# What a choice is called on the screen, where its own word is not enough.
WORDS = {
    "sft": "Answers (SFT)",
    "cpt": "Plain text (CPT)",
    "dpo": "Preferences (DPO)",
    "orpo": "Preferences and answers at once (ORPO)",
    "kto": "Good and bad answers (KTO)",
    "simpo": "Preferences without a reference (SimPO)",
    "cpo": "Preferences with imitation (CPO)",
    "reward": "A model that judges (reward model)",
    "grpo": "Own answers, judged by rules (GRPO)",
    "rloo": "Own answers, one against the rest (RLOO)",
    "gkd": "A larger model as the teacher (GKD)",
    "lora": "LoRA",
    "qlora": "QLoRA, 4-bit",
    "full": "All weights",
    "freeze": "The last layers",
    "oft": "OFT",
    "boft": "BOFT",
    "ia3": "IA3",
    "prompt": "Prompt tuning",
    "prefix": "Prefix tuning",
    "nf4": "4 bits (NF4)",
    "fp4": "4 bits (FP4)",
    "int8": "8 bits",
    "default": "No change",
    "gaussian": "No change, Gaussian",
    "pissa": "PiSSA",
    "pissa_niter_16": "PiSSA, fast",
    "olora": "OLoRA",
    "loftq": "LoftQ",
    "group_by_length": "By length",
    "random": "Random",
    "sequential": "As in the file",
    "none": "None",
    "cpu": "The machine's memory",
    "ddp": "Copies (DDP)",
    "fsdp": "Shares (FSDP2)",
    "deepspeed_zero1": "DeepSpeed ZeRO 1",
    "deepspeed_zero2": "DeepSpeed ZeRO 2",
    "deepspeed_zero3": "DeepSpeed ZeRO 3",
    AUTO: "Automatic",
    "on": "On",
    "off": "Off",
}
_SWITCH = {None: AUTO, True: "on", False: "off"}
_MOST_BUTTONS = 3


def recipe_form() -> dict[str, Component]:
    """A component for every field of the Recipe, under its name and in its order, not rendered yet."""
    return {name: _component(name) for name in FIELDS}


def _component(name: str) -> Component:
    field = Recipe.model_fields[name]
    shared: dict[str, Any] = {
        "label": field.title,
        "info": METHOD_HELP["sft"] if name == "method" else help_of(name),
        "value": default(name),
        "interactive": True,
        "render": False,
        "elem_id": f"field-{name}",
        "elem_classes": ["field"],
        "visible": uses(default("method"), default("tuning"), name),
    }
    if name in ("model_id", "dataset_id", *auxiliary_models.FIELDS):
        # Custom values are allowed so that an id still means something when the session's choices are gone.
        return gr.Dropdown([], allow_custom_value=True, **shared)
    if options := choices(name):
        component_class = gr.Radio if len(options) <= _MOST_BUTTONS else gr.Dropdown
        return component_class(_labelled(options), **shared)
    if field.annotation is bool:
        return gr.Checkbox(**shared)
    if field.annotation in (int, float, int | None, float | None):
        return gr.Number(**shared)
    extra = field.json_schema_extra
    lines = int(str(extra.get("lines", 1))) if isinstance(extra, dict) else 1
    return gr.Textbox(lines=lines, max_lines=4 * lines if lines > 1 else 1, **shared)


def _labelled(options: Sequence[str]) -> list[tuple[str, str]]:
    return [(WORDS.get(option, option), option) for option in options]


def choices(name: str) -> tuple[str, ...]:
    """The words a field can be; empty for a field that is not a choice."""
    annotation = Recipe.model_fields[name].annotation
    if annotation == (bool | None):
        return tuple(_SWITCH.values())
    words = _literal(name)
    return (AUTO, *words) if words and get_origin(annotation) is not Literal else words


def _literal(name: str) -> tuple[str, ...]:
    """The words of a Literal, which may be optional."""
    annotation = Recipe.model_fields[name].annotation
    annotations = (annotation,) if get_origin(annotation) is Literal else get_args(annotation)
    return next((get_args(option) for option in annotations if get_origin(option) is Literal), ())


def default(name: str) -> Any:
    """What the form shows for a field nobody has touched."""
    value = Recipe.model_fields[name].default
    return None if value is PydanticUndefined else form_value(name, value)


def form_value(name: str, value: Any) -> Any:
    """A recipe's value as its component shows it."""
    if _is_switch(name):
        return _SWITCH.get(value, value)
    return AUTO if value is None and AUTO in choices(name) else value


def recipe_value(name: str, value: Any) -> Any:
    """A component's value as the recipe means it."""
    if _is_switch(name):
        return {word: switch for switch, word in _SWITCH.items()}.get(value, value)
    if value == AUTO and AUTO in choices(name):
        return None
    if value is None and name in auxiliary_models.FIELDS:  # an emptied dropdown
        return ""
    return value.strip() if isinstance(value, str) else value


def _is_switch(name: str) -> bool:
    return Recipe.model_fields[name].annotation == (bool | None)


def values_of(recipe: Mapping[str, Any]) -> list[Any]:
    """The form's values, in order, for a recipe's fields; what is not there takes its default."""
    return [form_value(name, recipe[name]) if name in recipe else default(name) for name in FIELDS]


def recipe_of(values: Sequence[Any]) -> dict[str, Any]:
    """The recipe's fields for the form's values. Those of other methods and tunings are not shown, and so not meant."""
    recipe = {name: recipe_value(name, value) for name, value in zip(FIELDS, values, strict=True)}
    return {
        name: value if uses(recipe["method"], recipe["tuning"], name) else Recipe.model_fields[name].default
        for name, value in recipe.items()
    }


def uses(method: str, tuning: str, name: str) -> bool:
    """Whether that method and tuning read a field."""
    return methods.uses(method, name) and tunings.uses(tuning, name)


def updates_for(method: str, tuning: str = "lora") -> dict[str, dict[str, Any]]:
    """What changes in the form with method and tuning, beside values: which fields are there, and what they offer."""
    facts = METHODS.get(method)
    owned = methods.OWN_FIELDS | tunings.OWN_FIELDS
    changes: dict[str, dict[str, Any]] = {
        name: {"visible": uses(method, tuning, name)} for name in FIELDS if name in owned
    }
    if facts:
        changes["method"] = {"info": METHOD_HELP[method]}
        changes["dataset_id"] = {"info": dataset_help(method)}
        changes["loss_type"]["choices"] = _labelled((AUTO, *facts.loss_types))
        fitting = [name for name, tuning_facts in tunings.TUNINGS.items() if tuning_facts.fits(method)]
        changes["tuning"] = {"choices": _labelled(fitting)}
    return changes


def fitted(recipe: Mapping[str, Any], kind: str | None = None) -> dict[str, Any]:
    """The recipe after its method changed, or was changed by a dataset of that kind: what it can no longer be is reset.

    A learning rate that is some method's usual start becomes this one's; any other was chosen, and stays.
    """
    result = dict(recipe)
    method_facts = METHODS.get(result["method"])
    if method_facts and kind and kind not in method_facts.kinds:
        result["method"] = for_kind(kind) or result["method"]
    method_facts, tuning = METHODS.get(result["method"]), tunings.TUNINGS.get(result["tuning"])
    if tuning is None or not tuning.fits(result["method"]):
        result["tuning"] = "lora"
    if method_facts and result.get("learning_rate") in RATES:
        result["learning_rate"] = method_facts.rate(str(result["tuning"]))
    if method_facts and result.get("loss_type") not in method_facts.loss_types:
        result["loss_type"] = None
    return recipe_of(values_of(result))
