"""The tables of tunings and optimisers, and what a recipe may say about them."""

from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import RefusedError
from engine.recipes.choices import optimisers, tunings
from engine.recipes.choices.optimisers import OPTIMISERS, SCHEDULE_OPTIONS
from engine.recipes.choices.tunings import TUNINGS, served_rank, trained_parameters
from engine.recipes.fields.adapters import Adapters
from engine.recipes.methods import METHODS
from engine.recipes.recipe import from_yaml, parse, to_yaml

LEAST: dict[str, Any] = {"model_id": "m", "dataset_id": "d"}


def refusal(**fields: Any) -> str:
    with pytest.raises(RefusedError) as caught:
        parse(LEAST | fields)
    return caught.value.hint


def test_the_tables_know_every_name_and_every_field_of_the_form() -> None:
    assert set(TUNINGS) == set(get_args(tunings.Name))
    assert set(OPTIMISERS) == set(get_args(optimisers.Name))
    assert set(SCHEDULE_OPTIONS) < set(get_args(optimisers.Schedule))
    assert set(Adapters.model_fields) - {"tuning"} == tunings.OWN_FIELDS
    assert set(optimisers.ON_CPU) == {name for name, optimiser in OPTIMISERS.items() if optimiser.gpu}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tuning": "full", "use_dora": True}, "the tuning full does not use it (only lora and qlora)"),
        ({"tuning": "lora", "num_virtual_tokens": 3}, "only prompt and prefix"),
        ({"tuning": "prompt", "method": "orpo"}, "prompt learns by sft, cpt, dpo, kto, not by orpo: change tuning"),
        ({"tuning": "prefix", "packing": True, "train_sampling_strategy": "random"}, "turn off packing"),
        ({"init_lora_weights": "loftq"}, "change init_lora_weights"),
        ({"tuning": "qlora", "quantization": "int8", "init_lora_weights": "loftq"}, "change init_lora_weights"),
        ({"tuning": "qlora", "init_lora_weights": "pissa"}, "use tuning lora"),
        ({"init_lora_weights": "olora", "use_dora": True}, "use_dora"),
        ({"init_lora_weights": "pissa", "strategy": "fsdp"}, "fsdp divides the weights"),
        ({"tuning": "qlora", "init_lora_weights": "loftq", "method": "dpo"}, "loftq begins beside it"),
        ({"loraplus_lr_ratio": 4, "optim": "sgd"}, "leave loraplus_lr_ratio empty"),
        ({"tuning": "qlora", "modules_to_save": "lm_head"}, "leave modules_to_save empty"),
        ({"optim": "galore_adamw"}, "use tuning full, or change optim"),
        ({"optim": "schedule_free_sgd", "lr_scheduler_type": "cosine"}, "set lr_scheduler_type to constant"),
        ({"optim": "schedule_free_sgd", "lr_scheduler_type": "constant", "warmup_ratio": 0.1}, "use warmup_steps"),
        ({"optim": "schedule_free_radam", "lr_scheduler_type": "constant", "warmup_steps": 2}, "warms up by itself"),
        ({"optim_args": "rank=4"}, "rank means nothing there"),
        ({"optim": "sgd", "optim_args": "momentum"}, "'momentum' is not name=value"),
        ({"optim": "sgd", "optim_args": "momentum=much"}, "momentum has to be a number, not much"),
        ({"warmup_steps": 3, "warmup_ratio": 0.1}, "set warmup_steps or warmup_ratio to 0"),
        ({"lr_scheduler_type": "constant", "warmup_ratio": 0.1}, "has no warm-up"),
        ({"lr_scheduler_type": "reduce_lr_on_plateau", "eval_fraction": 0.0}, "set eval_fraction above 0"),
        ({"lr_scheduler_type": "warmup_stable_decay"}, "needs num_decay_steps"),
        ({"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": "min_lr=1e-6,min_lr_rate=0.1"}, "twice"),
        ({"method": "dpo", "neftune_noise_alpha": 5}, "the method dpo does not use it"),
    ],
)
def test_what_does_not_go_together_is_refused_in_words(fields: dict[str, Any], words: str) -> None:
    assert words in refusal(**fields)


def test_a_recipe_of_the_first_version_may_hold_lora_beside_full() -> None:
    recipe = parse(LEAST | {"tuning": "full", "lora_r": 8, "target_modules": "q_proj"})
    assert "lora_r" not in to_yaml(recipe)


@pytest.mark.parametrize("tuning", TUNINGS)
def test_yaml_holds_the_fields_of_the_tuning_and_comes_back(tuning: str) -> None:
    recipe = parse(LEAST | {"tuning": tuning, "method": "sft"})
    text = to_yaml(recipe)
    assert {name for name in tunings.OWN_FIELDS if f"\n{name}: " in text} == set(TUNINGS[tuning].fields)
    assert from_yaml(text) == recipe


LAYERS = {
    f"model.layers.{number}.{name}": shape
    for number in range(4)
    for name, shape in {"q_proj": (8, 8), "k_proj": (4, 8), "up_proj": (16, 8), "down_proj": (8, 16)}.items()
}
LINEAR = 4 * (64 + 32 + 128 + 128)


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"lora_r": 2}, 4 * 2 * (16 + 12 + 24 + 24)),
        ({"lora_r": 2, "target_modules": "q_proj", "use_dora": True}, 4 * (2 * 16 + 8)),
        ({"modules_to_save": "embed_tokens", "lora_r": 1, "target_modules": "k_proj"}, 4 * 12 + 80),
        ({"tuning": "full"}, LINEAR + 80),
        ({"tuning": "freeze", "freeze_trainable_layers": 1, "freeze_extra_modules": "lm_head"}, LINEAR // 4 + 80),
        ({"tuning": "oft", "oft_block_size": 4}, 4 * (3 * 2 * 6 + 4 * 6)),
        ({"tuning": "boft", "boft_block_size": 4}, 4 * (3 * 8 * 4 + 16 * 4 + 8 + 4 + 16 + 8)),
        ({"tuning": "ia3"}, 4 * (8 + 4 + 16 + 8)),
        ({"tuning": "prompt", "num_virtual_tokens": 5}, 40),
        ({"tuning": "prefix", "num_virtual_tokens": 5}, 5 * 2 * 4 * 4),
    ],
)
def test_trained_numbers_are_counted_from_the_shapes(fields: dict[str, Any], count: int) -> None:
    assert trained_parameters(parse(LEAST | fields), LAYERS, LINEAR + 80) == count


def test_a_moved_start_is_served_with_twice_the_rank() -> None:
    assert (served_rank(16, "pissa"), served_rank(16, "default")) == (32, 16)


def test_good_rates_go_with_the_tuning() -> None:
    assert [METHODS["sft"].rate(name) for name in ("lora", "full", "ia3", "prompt")] == [2e-4, 2e-5, 4e-3, 2e-2]


FIELDS = {
    name: st.sampled_from(get_args(kind)) for name, kind in (("optim", optimisers.Name), ("tuning", tunings.Name))
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries(FIELDS), st.sampled_from(sorted(METHODS)), st.text("rank=,0.x ", max_size=12))
def test_a_recipe_is_either_accepted_or_refused_in_words(fields: dict[str, Any], method: str, options: str) -> None:
    values = LEAST | fields | {"method": method, "optim_args": options, "teacher_id": "t" * (method == "gkd")}
    hint = ""
    try:
        recipe = parse(values)
    except RefusedError as error:
        hint = error.hint
    assert hint or from_yaml(to_yaml(recipe)) == recipe
