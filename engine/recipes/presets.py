"""Presets: partial recipes as data files, each value with its reason. They stand in presets/, a file each.

A preset never chooses model, dataset or method. Those of a model family are offered with a model of that family; the
others say what the training is for. One of each sort can be in force.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator

from engine.errors import NotFoundError
from engine.recipes import methods, provenance
from engine.recipes.choices.tunings import TUNINGS
from engine.recipes.provenance import Given, named
from engine.recipes.recipe import Recipe
from storage.tables import Dataset, Model

FOLDER = Path(__file__).with_name("presets")
NOT_SET = ("model_id", "dataset_id", "method")
PURPOSES = ("quick try", "balanced", "best quality", "low memory", "long context")  # in the order of the form

Values = dict[str, Any]
Chosen = tuple[Values, Given]  # a recipe's fields, and what gave them


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    methods: tuple[str, ...] = ()  # empty: all
    tunings: tuple[str, ...] = ()

    @field_validator("methods", "tunings")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := set(names) - set(methods.METHODS) - set(TUNINGS):
            raise ValueError(f"{', '.join(unknown)}: neither a method nor a tuning")
        return names

    def fits(self, method: str, tuning: str) -> bool:
        return (not self.methods or method in self.methods) and (not self.tunings or tuning in self.tunings)


class Setting(_Part):
    """One value, the reason for it, and for which methods, tunings and amounts of rows it is meant.

    `needs` names a field that must not be off, such as eval_fraction for what looks at held-out rows.
    """

    field: str
    value: bool | int | float | str
    why: str = Field(min_length=10, max_length=120)
    least_rows: int = 0
    needs: str | None = None

    @field_validator("field", "needs")
    @classmethod
    def _is_field(cls, name: str | None) -> str | None:
        if name is not None and (name not in Recipe.model_fields or name in NOT_SET):
            raise ValueError(f"{name}: no field that a preset sets")
        return name


class For(_Part):
    """What a preset is for. A model fits by its architecture or by a word in its name."""

    architectures: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def is_family(self) -> bool:
        return bool(self.architectures or self.models)

    def has(self, model: Model | None) -> bool:
        if model is None or not self.is_family():
            return not self.is_family()
        model_names = f"{model.name} {model.source_id}".lower()
        return model.architecture in self.architectures or any(_stands_in(word, model_names) for word in self.models)


def _stands_in(word: str, name: str) -> bool:
    """Whether the name has the word with no letter behind it: `phi` is in phi-4, and not in dolphin."""
    return re.search(rf"{re.escape(word)}(?![a-z])", name) is not None


class Preset(BaseModel):
    """A partial recipe with a name. Where two settings of a field fit, the later one counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9 .-]{0,39}$")
    title: str = ""
    about: str = Field(min_length=10, max_length=160)
    meant: For = Field(default=For(), alias="for")
    fields: tuple[Setting, ...] = Field(min_length=1)

    @property
    def origin(self) -> str:
        return named("preset", self.name)

    @property
    def shown(self) -> str:
        """What a button says."""
        return self.title or self.name.capitalize()

    def why(self, field: str, value: Any) -> str:
        """The reason for a value it sets; "" for one it does not set."""
        return next(
            (
                setting.why
                for setting in self.fields
                if setting.field == field and provenance.is_same_value(setting.value, value)
            ),
            "",
        )


@lru_cache
def all_presets() -> tuple[Preset, ...]:
    """All presets: those for a purpose, then the families."""
    presets = [Preset.model_validate(yaml.safe_load(file.read_text("utf-8"))) for file in sorted(FOLDER.glob("*.yaml"))]
    return tuple(
        sorted(presets, key=lambda preset: PURPOSES.index(preset.name) if preset.name in PURPOSES else len(PURPOSES))
    )


def look_up(name: str) -> Preset:
    """Raises NotFoundError."""
    for preset in all_presets():
        if preset.name == name:
            return preset
    raise NotFoundError(
        f"There is no preset `{name:.80}`.", f"There are {', '.join(known.name for known in all_presets())}."
    )


def fitting(model: Model | None, method: str, tuning: str) -> list[Preset]:
    """The presets to offer, those for a purpose first."""
    return [preset for preset in all_presets() if preset.meant.fits(method, tuning) and preset.meant.has(model)]


def apply(preset: Preset, recipe: Mapping[str, Any], rows: int | None = None) -> Values:
    """What the preset sets in such a recipe, with so many rows to train on (None: unknown, so enough)."""
    values: Values = {}
    for setting in preset.fields:
        current = {**recipe, **values}
        method, tuning = (str(current.get(name, provenance.default(name))) for name in ("method", "tuning"))
        enough = (rows is None or rows >= setting.least_rows) and not _is_off(current, setting.needs)
        if enough and setting.fits(method, tuning) and provenance.is_used(current, setting.field):
            values[setting.field] = setting.value
    return values


def _is_off(recipe: Mapping[str, Any], field: str | None) -> bool:
    """Whether the field is 0, no or empty; one that is left to the studio (None) is not."""
    value = recipe.get(field, provenance.default(field)) if field else None
    return value is not None and not value


def choose(preset: Preset, recipe: Values, given: Given, model: Model | None, dataset: Dataset | None) -> Chosen:
    """(recipe, given) with the preset in force, in place of the one of its sort that was."""
    family = preset.meant.is_family()
    others = [other for other in all_presets() if other.meant.is_family() == family]
    recipe, remaining = take_back(others, recipe, given, model)
    values = apply(preset, recipe, dataset.train_rows if dataset else None)
    return with_length_capped({**recipe, **values}, provenance.note_origin(remaining, values, preset.origin), model)


def fill(preset: Preset, recipe: Values, given: Given, model: Model | None, dataset: Dataset | None) -> Chosen:
    """(recipe, given) with the preset's values where the recipe is at its default: what a file says stays."""
    values = apply(preset, recipe, dataset.train_rows if dataset else None)
    unset = {
        name: value
        for name, value in values.items()
        if provenance.is_same_value(recipe[name], provenance.default(name))
    }
    return with_length_capped({**recipe, **unset}, provenance.note_origin(given, unset, preset.origin), model)


def take_back(removed: list[Preset], recipe: Values, given: Given, model: Model | None) -> Chosen:
    """(recipe, given) without these presets; what the person changed stays."""
    before = dict(recipe)
    recipe, remaining = provenance.without(given, recipe, [preset.origin for preset in removed])
    basis_values = method_defaults(recipe, model)
    back = {
        name: entry
        for name, entry in basis_values.items()
        if not provenance.is_same_value(recipe.get(name), before.get(name))
    }
    return {**recipe, **{name: value for name, (_, value) in back.items()}}, {**remaining, **back}


def method_defaults(recipe: Mapping[str, Any], model: Model | None) -> dict[str, tuple[str, Any]]:
    """What stands in place of the default: the method's learning rate, and the length that the model reads."""
    values: dict[str, tuple[str, Any]] = {}
    method, tuning = (str(recipe.get(name, provenance.default(name))) for name in ("method", "tuning"))
    if method in methods.METHODS and tuning in TUNINGS:
        rate = methods.METHODS[method].rate(tuning)
        if rate != provenance.default("learning_rate"):
            values["learning_rate"] = (provenance.METHOD, rate)
    if model and model.context_length and model.context_length < provenance.default("max_length"):
        values["max_length"] = (provenance.MODEL_CARD, model.context_length)
    return values


def with_length_capped(recipe: Values, given: Given, model: Model | None) -> Chosen:
    """(recipe, given) with no more than the model reads in max_length, unless the person wrote it."""
    context = model.context_length if model else None
    length = recipe.get("max_length", provenance.default("max_length"))
    by_person = provenance.origins_to_show({**recipe, "max_length": length}, given).get("max_length") == provenance.YOU
    if not context or by_person or not isinstance(length, int) or length <= context:
        return recipe, given
    return {**recipe, "max_length": context}, provenance.note_origin(
        given, {"max_length": context}, provenance.MODEL_CARD
    )
