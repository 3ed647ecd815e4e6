"""Whatever recipe is accepted, the worker can tell it to PEFT and to transformers, and a command can be made of it."""

from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as some
from peft import PeftConfig
from pydantic import ValidationError
from trl import SFTConfig

from engine.process.plan import plan_worker
from engine.recipes.choices import optimisers, tunings
from engine.recipes.choices.optimisers import OPTIMISERS
from engine.recipes.choices.tunings import TUNINGS
from engine.recipes.recipe import Recipe
from engine.workers.train import training
from engine.workers.tuning import adapters
from engine.workers.tuning import model as training_model
from tests.workers.train.training_runs import spec

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def base(tiny_model: Path) -> training_model.Base:
    recipe = Recipe(model_id="m", dataset_id="d")
    return training_model.load(recipe, tiny_model, "cpu", training_model.load_tokenizer(tiny_model))


OPTIONAL: dict[str, some.SearchStrategy[Any]] = {
    "optim": some.sampled_from(get_args(optimisers.Name)),
    "lr_scheduler_type": some.sampled_from(get_args(optimisers.Schedule)),
    "lr_scheduler_kwargs": some.sampled_from(["min_lr_rate=0.1", "num_decay_steps=2", "power=2", "num_cycles=2"]),
    "warmup_ratio": some.floats(0, 0.5),
    "warmup_steps": some.integers(0, 3),
    "adam_beta2": some.floats(0.9, 0.999),
    "neftune_noise_alpha": some.one_of(some.none(), some.floats(0, 10)),
    "eval_fraction": some.sampled_from([0.0, 0.2]),
    "lora_r": some.integers(1, 64),
    "use_dora": some.booleans(),
    "use_rslora": some.booleans(),
    "init_lora_weights": some.sampled_from(get_args(tunings.Start)),
    "loraplus_lr_ratio": some.one_of(some.none(), some.floats(1, 32)),
    "modules_to_save": some.sampled_from(["", "embed_tokens", "norm, lm_head"]),
    "target_modules": some.sampled_from(["all-linear", "q_proj, v_proj"]),
    "quantization": some.sampled_from(get_args(tunings.Quantization)),
    "oft_block_size": some.integers(2, 64),
    "num_virtual_tokens": some.integers(1, 50),
}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(some.sampled_from(sorted(TUNINGS)), some.fixed_dictionaries({}, optional=OPTIONAL))
def test_an_accepted_recipe_is_understood(
    tiny_model: Path, base: training_model.Base, tmp_path: Path, tuning: str, fields: dict[str, Any]
) -> None:
    used_fields = {name: value for name, value in fields.items() if tunings.uses(tuning, name)}
    schedule = {"lr_scheduler_type": "constant"} if OPTIMISERS[used_fields.get("optim", "sgd")].steady else {}
    try:
        values = spec(tiny_model, tmp_path / "rows.parquet", tuning=tuning, **(used_fields | schedule))
    except ValidationError:
        assume(False)
    assert plan_worker("sft", values, tmp_path).files
    parsed = training.Spec.read(values)
    adapter = adapters.adapter(parsed.recipe, base.model)
    assert isinstance(adapter, PeftConfig) == (TUNINGS[tuning].artifact == "adapter")
    arguments = SFTConfig(**training.shared_arguments(parsed, base, tmp_path, parsed.recipe.eval_fraction != 0))
    assert arguments.get_warmup_steps(10) <= 10
