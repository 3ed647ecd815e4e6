"""Every tuning, start and optimiser trains a tiny model for real; what it leaves works on the original base."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from bitsandbytes.functional import dequantize_4bit
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from engine.fit.memory import linear_layers
from engine.process import events
from engine.recipes.choices.tunings import TUNINGS, served_rank, trained_parameters
from engine.recipes.methods import GENERATING, METHODS
from engine.recipes.recipe import Recipe
from engine.weights.inspection import inspect
from engine.workers import contract
from engine.workers.train import family_distil, family_preference, family_reinforce, training
from engine.workers.tuning import model as training_model
from engine.workers.tuning import starts
from tests import tiny
from tests.workers.train.judged import ROWS, store_rows
from tests.workers.train.training_runs import QUICK, only, spec, steps, sums, write_rows

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::RuntimeWarning"
    ),
]


def train(values: dict[str, Any], out: Path) -> list[events.Event]:
    out.mkdir(exist_ok=True)
    method = values["recipe"]["method"]
    workers = dict.fromkeys(GENERATING, family_reinforce) | dict.fromkeys(("sft", "cpt"), training)
    worker: Any = (workers | {"gkd": family_distil}).get(method, family_preference)
    events.append(out, events.Finished(result=worker.train(values, out)))
    return events.read(out)[0]


@torch.no_grad()
def logits_of(model: torch.nn.Module) -> torch.Tensor:
    ids = torch.arange(40)[None]
    return model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[:, -40:]


VARIANTS: dict[str, dict[str, Any]] = {
    "lora": {},
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
    "gaussian": {"init_lora_weights": "gaussian"},
    "loraplus": {"loraplus_lr_ratio": 8},
    "saved": {"modules_to_save": "embed_tokens,lm_head"},
    "pissa": {"init_lora_weights": "pissa"},
    "fast pissa": {"init_lora_weights": "pissa_niter_16"},
    "olora": {"init_lora_weights": "olora", "use_rslora": True},
    "qlora": {"tuning": "qlora"},
    "fp4": {"tuning": "qlora", "quantization": "fp4"},
    "int8": {"tuning": "qlora", "quantization": "int8"},
    "loftq": {"tuning": "qlora", "init_lora_weights": "loftq"},
    "oft": {"tuning": "oft"},
    "boft": {"tuning": "boft"},
    "ia3": {"tuning": "ia3"},
    "prompt": {"tuning": "prompt", "num_virtual_tokens": 5},
    "prompt in words": {"tuning": "prompt", "num_virtual_tokens": 5, "prompt_tuning_init_text": "Add up"},
    "prefix": {"tuning": "prefix", "num_virtual_tokens": 5},
    "freeze": {"tuning": "freeze", "freeze_trainable_layers": 1, "freeze_extra_modules": "norm"},
    "full": {"tuning": "full"},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_trains_and_what_it_leaves_changes_the_original_base(variant: str, tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(16))
    values = spec(tiny_model, rows, **({"max_steps": 3} | VARIANTS[variant]))
    recorded = train(values, tmp_path / "out")
    artifact = TUNINGS[values["recipe"]["tuning"]].artifact
    assert only(recorded, events.Finished).result["artifact"] == artifact
    recipe, model_info = Recipe.model_validate(values["recipe"]), inspect(tiny_model)
    expected = trained_parameters(recipe, linear_layers(model_info), model_info.parameters or 0)
    tolerance = 5 * 64 if variant in ("saved", "freeze") else 0  # the norms
    assert abs(only(recorded, events.Started).facts["trainable_parameters"] - expected) <= tolerance
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    base_logits, folder = logits_of(base), tmp_path / "out" / artifact
    reopened = (
        AutoModelForCausalLM.from_pretrained(folder) if artifact == "model" else PeftModel.from_pretrained(base, folder)
    )
    assert not torch.equal(logits_of(reopened), base_logits)


ONES = ("lora", "qlora", "full", "freeze", "oft", "boft", "ia3", "prompt", "prefix")
SHORT: dict[str, Any] = {"max_completion_length": 6, "reward_funcs": "length", "reward_length": 10}
OWN: dict[str, dict[str, Any]] = {
    "grpo": SHORT,
    "rloo": SHORT,
    "gkd": {"teacher_id": "tiny", "max_completion_length": 6},
}
# Trained in test_methods, so that it need not be done twice.
ELSEWHERE = {*((method, "lora") for method in METHODS), ("dpo", "full"), ("kto", "full"), ("reward", "full")}
USUAL = ("qlora", "full", "prompt")  # the others share their code: all of them with DPO, the rest where time is plenty
MATRIX = [
    pytest.param(method, tuning, marks=() if tuning in USUAL or method in ("dpo", "reward") else pytest.mark.slow)
    for method in METHODS
    for tuning in ONES
    if TUNINGS[tuning].fits(method) and method != "sft" and (method, tuning) not in ELSEWHERE
]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another model with the same words, for gkd."""
    folder = tmp_path_factory.mktemp("teacher") / "model"
    tiny.make(folder, seed=7)
    return folder


@pytest.mark.parametrize(("method", "tuning"), MATRIX)
def test_every_method_trains_with_every_tuning_that_it_offers(
    method: str, tuning: str, tiny_model: Path, teacher: Path, tmp_path: Path
) -> None:
    kind = METHODS[method].kinds[0]
    texts: dict[str, list[Any]] = {"text": ["The quick brown fox"] * 4, "chat": sums(4)}
    rows = write_rows(tmp_path, kind, texts[kind]) if kind in texts else store_rows(tmp_path, kind, ROWS[kind](6))
    method_fields = OWN.get(method, {})
    values = spec(tiny_model, rows, kind, method=method, tuning=tuning, max_steps=1, **method_fields)
    recorded = train(values | {"companion": {"path": str(teacher), "adapter": None}}, tmp_path / "out")
    assert only(recorded, events.Finished).result["artifact"] == TUNINGS[tuning].artifact


FLOAT: dict[str, Any] = {"bf16": False, "learning_rate": 1e-2, "max_steps": 3}


def test_a_start_inside_the_weights_computes_what_peft_does(tiny_model: Path) -> None:
    """PEFT takes it out of the base; here it is subtracted. Both models answer the same, before and after a change."""
    ids = torch.arange(40)[None]
    config = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "task_type": "CAUSAL_LM"}
    theirs = get_peft_model(
        AutoModelForCausalLM.from_pretrained(tiny_model), LoraConfig(init_lora_weights="pissa", **config)
    )
    ours = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_model), LoraConfig(**config))
    recipe = Recipe(model_id="m", dataset_id="d", init_lora_weights="pissa", lora_r=4)
    starts.begin(ours, recipe, tiny_model, tiny_model.parent)
    for _ in range(2):
        assert torch.allclose(logits_of(theirs), logits_of(ours), atol=1e-4)
        for model in (theirs, ours):
            optimiser = torch.optim.SGD(
                [parameter for parameter in model.parameters() if parameter.requires_grad], lr=0.5
            )
            model(input_ids=ids, labels=ids).loss.backward()
            optimiser.step()
    (tiny_model.parent / starts.KEPT).unlink()


@pytest.mark.parametrize("start", ["pissa", "olora"])
def test_what_is_saved_is_exactly_what_has_changed_since_the_start(
    start: str, tiny_model: Path, tmp_path: Path
) -> None:
    rows = write_rows(tmp_path, "chat", sums(8))
    values = spec(tiny_model, rows, init_lora_weights=start, use_rslora=True, lora_alpha=8, save_steps=3, **FLOAT)
    train(values, tmp_path)
    trained = load_file(tmp_path / "checkpoints" / "checkpoint-3" / "adapter_model.safetensors")
    saved, start_tensors = (
        load_file(tmp_path / "adapter" / "adapter_model.safetensors"),
        load_file(tmp_path / starts.KEPT),
    )
    layer = "base_model.model.model.layers.0.self_attn.q_proj"
    a, b = (f"{layer}.lora_{side}.weight" for side in "AB")
    change = (trained[b] @ trained[a] - start_tensors[f"{layer}.B"] @ start_tensors[f"{layer}.A"]) * 8 / 4**0.5
    assert change.abs().max() > 1e-3
    assert torch.allclose(saved[b] @ saved[a], change, atol=1e-5)
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["use_rslora"]) == (8, 8, False)  # a plain LoRA, scaled by 1
    assert config["r"] == served_rank(4, start)


@pytest.mark.parametrize("start", ["pissa", "olora", "loftq"])
def test_a_checkpoint_of_a_moved_start_is_another_model_on_the_plain_base_until_it_counts_from_the_start(
    start: str, tiny_model: Path, tmp_path: Path
) -> None:
    """So the studio serves and exports the result of such a run and refuses its checkpoints in words."""
    tuning: dict[str, Any] = {"tuning": "qlora"} if start == "loftq" else {}
    rows = write_rows(tmp_path, "chat", sums(8))
    values = spec(tiny_model, rows, init_lora_weights=start, save_steps=3, **FLOAT, **tuning)
    train(values, tmp_path)

    def says(folder: Path) -> torch.Tensor:
        return logits_of(PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_model), folder))

    trained = says(tmp_path / "adapter")  # the worker has compared it with the model in training
    learnt = (trained - logits_of(AutoModelForCausalLM.from_pretrained(tiny_model))).abs().max()
    checkpoint = tmp_path / "checkpoints" / "checkpoint-3"
    assert (says(checkpoint) - trained).abs().max() > 0.1 * learnt
    starts.save_since(checkpoint, tmp_path / starts.KEPT)
    assert torch.allclose(says(checkpoint), trained, atol=1e-4)


def test_loftq_begins_with_what_four_bits_lost(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(8))
    values = spec(tiny_model, rows, tuning="qlora", init_lora_weights="loftq", lora_r=16, max_steps=1)
    train(values, tmp_path)
    start_tensors = load_file(tmp_path / starts.KEPT)
    parsed = training.Spec.read(values)
    model = training_model.load(parsed.recipe, tiny_model, "cpu", training_model.load_tokenizer(tiny_model)).model
    quantised = model.model.layers[0].mlp.up_proj.weight
    lost = AutoModelForCausalLM.from_pretrained(tiny_model).model.layers[0].mlp.up_proj.weight.float()
    lost = lost - dequantize_4bit(quantised.data, quantised.quant_state).float()
    layer = "base_model.model.model.layers.0.mlp.up_proj"
    remaining = lost - start_tensors[f"{layer}.B"] @ start_tensors[f"{layer}.A"] * 32 / 16
    assert remaining.norm() < 0.85 * lost.norm()


@pytest.mark.parametrize("bits", ["nf4", "int8"])
def test_measuring_in_between_changes_nothing_of_a_quantised_training(
    bits: str, tiny_model: Path, tmp_path: Path
) -> None:
    """bitsandbytes once lost the gradient through 4-bit layers that had been used in evaluation."""
    grad_norms = []
    for eval_steps in (1, 100):
        out = tmp_path / str(eval_steps)
        fields: dict[str, Any] = {"tuning": "qlora", "quantization": bits, "eval_fraction": 0.25, "max_steps": 3}
        out.mkdir()
        recorded = train(spec(tiny_model, write_rows(out, "chat", sums(16)), eval_steps=eval_steps, **fields), out)
        grad_norms.append([point["grad_norm"] for point in steps(recorded).values() if "grad_norm" in point])
    assert grad_norms[0] == grad_norms[1]
    tokenizer = training_model.load_tokenizer(tiny_model)
    model = training_model.load(Recipe.model_validate(QUICK | fields), tiny_model, "cpu", tokenizer).model
    ids = torch.arange(20)[None]
    weight = model.get_input_embeddings().weight.requires_grad_(True)
    with torch.no_grad():
        model.eval()(input_ids=ids)
    model.train()(input_ids=ids, labels=ids).loss.backward()
    assert weight.grad is not None
    assert weight.grad.abs().sum() > 0


FAILING: dict[str, tuple[dict[str, Any], str]] = {
    "a rate of nothing": ({"init_lora_weights": "pissa", "warmup_steps": 9, "max_steps": 1}, "changed nothing"),
    "unknown whole modules": ({"modules_to_save": "head"}, "no module `head`"),
    "too many layers": ({"tuning": "freeze", "freeze_trainable_layers": 9}, "has 2 decoder layers"),
    "unknown further modules": ({"tuning": "freeze", "freeze_extra_modules": "heart"}, "no module `heart`"),
    "blocks that do not divide": ({"tuning": "boft", "boft_block_size": 48}, "not a multiple of 48"),
    "factors that need a GPU": ({"tuning": "boft", "boft_n_butterfly_factor": 2}, "butterfly factors"),
}


@pytest.mark.parametrize("case", FAILING)
def test_what_does_not_fit_the_model_ends_in_plain_words(case: str, tiny_model: Path, tmp_path: Path) -> None:
    fields, words = FAILING[case]
    with pytest.raises(contract.WorkFailedError) as caught:
        train(spec(tiny_model, write_rows(tmp_path, "chat", sums(8)), **fields), tmp_path / "out")
    assert words in caught.value.message
    assert caught.value.hint
    assert caught.value.category == "config"


def test_learnt_tokens_are_trained_further(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(8))
    fields: dict[str, Any] = {"tuning": "prompt", "prompt_tuning_init_text": "Add up", "num_virtual_tokens": 4}
    train(spec(tiny_model, rows, max_steps=2, **fields), tmp_path / "first")
    adapter = tmp_path / "first" / "adapter"
    assert "Add up" not in (adapter / "adapter_config.json").read_text()
    values = spec(tiny_model, rows, max_steps=2, start_from="first", **fields) | {"adapter_path": str(adapter)}
    train(values, tmp_path / "second")
    first, second = (
        load_file(tmp_path / name / "adapter" / "adapter_model.safetensors") for name in ("first", "second")
    )
    assert not torch.equal(first["prompt_embeddings"], second["prompt_embeddings"])
    assert torch.allclose(first["prompt_embeddings"], second["prompt_embeddings"], atol=0.1)
