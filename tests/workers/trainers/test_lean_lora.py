"""LoRA without the detours computes what PEFT computes, and leaves to PEFT what is not plain."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import Linear as LoraLinear
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.recipes.recipe import Recipe
from engine.workers.train import artifact
from engine.workers.train.artifact import Trained
from engine.workers.trainers import lean_lora
from tests.workers.trainers.families import FAMILIES, random_model
from tests.workers.trainers.graph import gradient_functions

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")

Grads = dict[str, torch.Tensor]


def adapted(family: str, dtype: torch.dtype = torch.float32, **fields: Any) -> PeftModel:
    """With an adapter that is no longer at its start."""
    base = random_model(FAMILIES[family]).to(dtype)
    config = LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear", **fields)
    return changed(get_peft_model(base, config))


def changed(model: PeftModel) -> PeftModel:
    torch.manual_seed(1)
    for name, weight in model.named_parameters():
        if "lora_" in name:
            weight.data = torch.randn_like(weight) * 0.1
    return model


def computed(model: PeftModel, bf16: bool = False) -> tuple[torch.Tensor, Grads]:
    """Logits of two rows, and the gradients of all that is trained."""
    ids = torch.arange(24).view(2, 12) + 5
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.float()
    model.zero_grad()
    logits.sin().sum().backward()
    return logits.detach(), {
        name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None
    }


def lean(model: PeftModel) -> PeftModel:
    lean_model = copy.deepcopy(model)
    lean_lora.enable(lean_model)
    return lean_model


def added(model: PeftModel) -> int:
    """How many layers were computed the lean way in a pass."""
    return sum("Added" in name for name in gradient_functions(model(input_ids=torch.arange(6)[None]).logits))


@pytest.mark.parametrize("family", ["llama", "gemma", "phi3", "qwen2"])
def test_logits_and_gradients_are_pefts(family: str) -> None:
    model = adapted(family)
    expected, grads = computed(model)
    logits, lean_grads = computed(lean(model))
    assert torch.allclose(logits, expected, rtol=1e-5, atol=1e-6)
    assert lean_grads.keys() == grads.keys()
    assert all(torch.allclose(lean_grads[name], grads[name], rtol=1e-4, atol=1e-5) for name in grads)


def test_under_autocast_they_part_by_rounding_alone() -> None:
    model = adapted("llama", torch.bfloat16)
    exact, _ = computed(adapted("llama"))
    expected, grads = computed(model, bf16=True)
    logits, lean_grads = computed(lean(model), bf16=True)
    assert (logits - exact).norm() < 1.5 * (expected - exact).norm()
    assert all(lean_grads[name].dtype == grads[name].dtype == torch.float32 for name in grads)
    assert all((lean_grads[name] - grads[name]).norm() < 0.05 * grads[name].norm() for name in grads)


def test_every_plain_layer_goes_that_way() -> None:
    model = lean(adapted("llama"))
    layers = sum(isinstance(module, LoraLinear) for module in model.modules())
    assert added(model) == layers == 14


@pytest.mark.parametrize(
    "fields",
    [{"lora_dropout": 0.5}, {"use_dora": True}, {"lora_bias": True}],
    ids=lambda fields: next(iter(fields)),
)
def test_other_forms_stay_with_peft(fields: dict[str, Any]) -> None:
    assert added(lean(adapted("llama", **fields)).train()) == 0


def test_an_adapter_that_is_switched_off_or_merged_adds_nothing() -> None:
    model = lean(adapted("llama"))
    expected, _ = computed(model)
    with torch.no_grad(), model.disable_adapter():
        base = model(input_ids=torch.arange(24).view(2, 12) + 5).logits
    assert torch.allclose(
        base, random_model(FAMILIES["llama"])(input_ids=torch.arange(24).view(2, 12) + 5).logits, atol=1e-6
    )
    assert not torch.allclose(base, expected, atol=1e-3)
    model.merge_adapter()
    with torch.no_grad():
        merged = model(input_ids=torch.arange(24).view(2, 12) + 5).logits
    assert torch.allclose(merged, expected, rtol=1e-4, atol=1e-5)
    model.unmerge_adapter()


def test_taken_off_it_is_pefts_own_again() -> None:
    model = lean(adapted("llama"))
    lean_lora.disable(model)
    assert added(model) == 0
    assert torch.equal(computed(model)[0], computed(adapted("llama"))[0])


def test_what_was_trained_is_checked_in_pefts_way(tiny_model: Path, tmp_path: Path) -> None:
    """Else a result near zero, such as a score, would seem to be another one by rounding alone."""
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    model = changed(get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear")))
    lean_lora.enable(model)
    assert added(model) > 0
    recipe = Recipe(model_id="m", dataset_id="d")
    trained = Trained(model, AutoTokenizer.from_pretrained(tiny_model), recipe, [5, 6, 7], False, torch.float32)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        assert artifact.save(trained, tmp_path) == "adapter"
    names = {entry.key for entry in profile.key_averages()}
    assert "aten::linear" in names
    assert "_Added" not in names


def test_two_adapters_at_once_stay_with_peft() -> None:
    model = adapted("llama")
    model.add_adapter("other", LoraConfig(task_type="CAUSAL_LM", r=2, target_modules="all-linear"))
    model.base_model.set_adapter(["default", "other"])
    lean_model = lean(model)
    assert torch.equal(computed(lean_model)[0], computed(model)[0])
