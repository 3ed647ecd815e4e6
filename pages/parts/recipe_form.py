"""The recipe as a form: one component for each field, made from what the Recipe says about it.

The field's title is the label, its description the help, its type decides the component. Limits are not repeated here:
the Recipe checks its values itself, and says in words what is wrong.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import gradio as gr
from gradio.components import Component
from pydantic_core import PydanticUndefined

from engine.recipe import Recipe

FIELDS = tuple(Recipe.model_fields)

# Advanced, in the order a person would look for things. A test holds this and the Recipe together.
GROUPS = {
    "Tuning": ("tuning", "lora_r", "lora_alpha", "lora_dropout", "target_modules"),
    "Batches and memory": (
        "per_device_train_batch_size",
        "gradient_accumulation_steps",
        "max_length",
        "bf16",
        "packing",
        "gradient_checkpointing",
    ),
    "Learning": ("optim", "lr_scheduler_type", "warmup_steps", "weight_decay", "max_grad_norm", "seed"),
    "Rows": ("train_sampling_strategy", "eval_fraction", "eval_steps", "assistant_only_loss"),
    "Checkpoints and log": ("save_steps", "save_total_limit", "logging_steps", "auto_resume"),
}

# What a choice is called on the screen, where its own word is not enough.
WORDS = {
    "sft": "Answers (SFT)",
    "cpt": "Plain text (CPT)",
    "lora": "LoRA",
    "qlora": "QLoRA, 4-bit",
    "full": "All weights",
    "group_by_length": "By length",
    "random": "Random",
    "sequential": "As in the file",
    "auto": "Automatic",
    "on": "On",
    "off": "Off",
}
_SWITCH = {None: "auto", True: "on", False: "off"}  # a Gradio choice cannot have the value None
_MOST_BUTTONS = 3


def recipe_form() -> dict[str, Component]:
    """A component for every field of the Recipe, under its name and in its order, not rendered yet."""
    return {name: _component(name) for name in FIELDS}


def _component(name: str) -> Component:
    field = Recipe.model_fields[name]
    shared: dict[str, Any] = {
        "label": field.title,
        "info": field.description,
        "value": default(name),
        "interactive": True,
        "render": False,
        "elem_id": f"field-{name}",
        "elem_classes": ["field"],
    }
    if name in ("model_id", "dataset_id"):
        # Custom values are allowed so that an id still means something when the session's choices are gone.
        return gr.Dropdown([], allow_custom_value=True, **shared)
    if options := choices(name):
        make = gr.Radio if len(options) <= _MOST_BUTTONS else gr.Dropdown
        return make([(WORDS.get(option, option), option) for option in options], **shared)
    if field.annotation is bool:
        return gr.Checkbox(**shared)
    if field.annotation in (int, float):
        return gr.Number(**shared)
    return gr.Textbox(max_lines=1, **shared)


def choices(name: str) -> tuple[str, ...]:
    """The words a field can be; empty for a field that is not a choice."""
    kind = Recipe.model_fields[name].annotation
    if get_origin(kind) is Literal:
        return get_args(kind)
    return tuple(_SWITCH.values()) if kind == (bool | None) else ()


def default(name: str) -> Any:
    """What the form shows for a field nobody has touched."""
    value = Recipe.model_fields[name].default
    return None if value is PydanticUndefined else shown(name, value)


def shown(name: str, value: Any) -> Any:
    """A recipe's value as its component shows it."""
    return _SWITCH.get(value, value) if _is_switch(name) else value


def meant(name: str, value: Any) -> Any:
    """A component's value as the recipe means it."""
    if _is_switch(name):
        return {word: switch for switch, word in _SWITCH.items()}.get(value, value)
    return value.strip() if isinstance(value, str) else value


def _is_switch(name: str) -> bool:
    return Recipe.model_fields[name].annotation == (bool | None)


def values_of(recipe: Mapping[str, Any]) -> list[Any]:
    """The form's values, in order, for a recipe's fields; what is not there takes its default."""
    return [shown(name, recipe[name]) if name in recipe else default(name) for name in FIELDS]


def recipe_of(values: Sequence[Any]) -> dict[str, Any]:
    """The recipe's fields for the form's values."""
    return {name: meant(name, value) for name, value in zip(FIELDS, values, strict=True)}
