"""Presets: valid for all they claim, applied twice as once, and taken back without a trace."""

from typing import Any

import pytest
from pydantic import ValidationError

from engine.errors import NotFoundError
from engine.recipes import presets, provenance
from engine.recipes.choices.tunings import TUNINGS
from engine.recipes.methods import METHODS
from engine.recipes.presets import Preset
from engine.recipes.recipe import Recipe
from storage.tables import Dataset, Model

PAIRS = [(method, tuning) for method in METHODS for tuning in TUNINGS if TUNINGS[tuning].fits(method)]


def start(**changes: Any) -> dict[str, Any]:
    return {
        **{name: provenance.default(name) for name in Recipe.model_fields},
        "model_id": "m",
        "dataset_id": "d",
        **changes,
    }


def model(name: str, context: int | None = None, architecture: str = "LlamaForCausalLM") -> Model:
    return Model(source="hub", source_id=name, name=name, architecture=architecture, context_length=context)


@pytest.mark.parametrize("preset", presets.all_presets(), ids=lambda preset: preset.name)
def test_a_preset_gives_a_valid_recipe_for_every_method_and_tuning_it_claims(preset: Preset) -> None:
    changed = 0
    for method, tuning in PAIRS:
        if preset.meant.fits(method, tuning):
            begun = start(method=method, tuning=tuning, learning_rate=METHODS[method].rate(tuning))
            for rows in (None, 10):
                applied = begun | presets.apply(preset, begun, rows)
                Recipe.model_validate(applied)
                assert applied | presets.apply(preset, applied, rows) == applied, "applied twice"
                assert [applied[name] for name in presets.NOT_SET] == [begun[name] for name in presets.NOT_SET]
            changed += applied != begun
    assert changed


def test_every_setting_of_a_preset_is_reached_and_differs_from_the_default() -> None:
    for preset in presets.all_presets():
        reached = set()
        for method, tuning in PAIRS:
            reached |= set(presets.apply(preset, start(method=method, tuning=tuning)).items())
        for setting in preset.fields:
            assert (setting.field, setting.value) in reached, f"{preset.name}: {setting.field}"
            assert not provenance.is_same_value(setting.value, provenance.default(setting.field)) or setting.methods, (
                f"{preset.name}: {setting.field}"
            )


@pytest.mark.parametrize(
    "wrong",
    [
        {"fields": [{"field": "sead", "value": 1, "why": "no such field"}]},
        {"fields": [{"field": "method", "value": "dpo", "why": "not for presets"}]},
        {"fields": [{"field": "seed", "value": 1}]},
        {"fields": [{"field": "seed", "value": 1, "why": "long enough", "methods": ["ppo"]}]},
        {"for": {"gpus": 8}},
    ],
)
def test_a_file_with_unknown_fields_or_without_reasons_is_no_preset(wrong: dict[str, Any]) -> None:
    valid = {"name": "x", "about": "long enough", "fields": [{"field": "seed", "value": 1, "why": "long enough"}]}
    Preset.model_validate(valid)
    with pytest.raises(ValidationError):
        Preset.model_validate(valid | wrong)


def test_families_are_offered_with_their_models_alone() -> None:
    def families(subject: Model | None) -> list[str]:
        return [preset.name for preset in presets.fitting(subject, "sft", "lora") if preset.meant.is_family()]

    assert families(None) == []
    assert families(model("SmolLM2-135M-Instruct")) == ["smollm2"]
    assert families(model("meta-llama/Llama-3.2-1B")) == ["llama"]
    assert families(model("mine", architecture="Gemma2ForCausalLM")) == ["gemma"]
    assert families(model("microsoft/phi-4")) == ["phi"]
    assert families(model("dolphin-2.9")) == []
    assert [preset.name for preset in presets.fitting(None, "sft", "lora")] == list(presets.PURPOSES)


def test_one_preset_of_a_sort_is_in_force_and_a_family_beside_it() -> None:
    smol = model("SmolLM2-135M")
    recipe, given = presets.choose(presets.look_up("quick try"), start(), {}, smol, None)
    recipe, given = presets.choose(presets.look_up("smollm2"), recipe, given, smol, None)
    assert (recipe["max_steps"], recipe["learning_rate"]) == (30, 1e-3)
    recipe, given = presets.choose(presets.look_up("long context"), recipe, given, smol, None)
    assert (recipe["max_steps"], recipe["learning_rate"], recipe["max_length"]) == (-1, 1e-3, 8192)
    origins = provenance.origins_to_show(recipe, given)
    assert origins["learning_rate"] == "preset: smollm2"
    assert origins["max_length"] == "preset: long context"
    recipe, given = presets.take_back(list(presets.all_presets()), recipe, given, smol)
    assert (recipe, provenance.origins_to_show(recipe, given)) == (start(), {})


def test_what_the_person_changed_stays_when_the_preset_goes() -> None:
    recipe, given = presets.choose(presets.look_up("quick try"), start(), {}, None, None)
    recipe, given = presets.take_back([presets.look_up("quick try")], recipe | {"max_steps": 99}, given, None)
    assert (recipe["max_steps"], recipe["max_length"]) == (99, 1024)
    assert provenance.origins_to_show(recipe, given) == {"max_steps": "you"}


def test_the_methods_own_rate_comes_back_when_a_preset_goes() -> None:
    begun = start(method="dpo", tuning="full", learning_rate=METHODS["dpo"].rate("full"))
    smol = model("smollm")
    recipe, given = presets.choose(presets.look_up("smollm2"), begun, {}, smol, None)
    assert recipe["beta"] == 0.5
    recipe, given = presets.take_back([presets.look_up("smollm2")], recipe | {"learning_rate": 1e-6}, given, smol)
    assert (recipe["learning_rate"], recipe["beta"]) == (METHODS["dpo"].rate("full"), None)


def test_the_models_card_caps_the_length_unless_the_person_wrote_it() -> None:
    small = model("x", context=2048)
    recipe, given = presets.choose(presets.look_up("long context"), start(), {}, small, None)
    assert recipe["max_length"] == 2048
    assert provenance.origins_to_show(recipe, given)["max_length"] == "model card"
    assert presets.with_length_capped(start(), {}, model("x", context=512))[0]["max_length"] == 512
    assert presets.with_length_capped(start(max_length=4096), {}, small)[0]["max_length"] == 4096


def test_the_best_checkpoint_is_looked_for_where_rows_are_held_out() -> None:
    few = Dataset(project_id="default", name="few", accepted=20)
    recipe, _ = presets.choose(presets.look_up("best quality"), start(), {}, None, few)
    assert (recipe["eval_fraction"], recipe["load_best_model_at_end"]) == (None, False)
    many = Dataset(project_id="default", name="many", accepted=2000)
    recipe, _ = presets.choose(presets.look_up("best quality"), start(), {}, None, many)
    assert (recipe["eval_fraction"], recipe["load_best_model_at_end"]) == (None, True)
    recipe, _ = presets.choose(presets.look_up("best quality"), start(eval_fraction=0.0), {}, None, many)
    assert (recipe["eval_fraction"], recipe["load_best_model_at_end"]) == (0.0, False)


def test_a_preset_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(NotFoundError, match="turbo"):
        presets.look_up("turbo")
