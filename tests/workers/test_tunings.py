"""Every tuning, start and optimiser trains a tiny model for real; what it leaves works on the original base."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from engine import events
from engine.methods import GENERATING, METHODS
from engine.tunings import TUNINGS
from engine.workers import training, training_preference, training_reinforce
from tests.workers.judged import stored
from tests.workers.training_runs import only, spec, sums, write_rows

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::RuntimeWarning"
    ),
    pytest.mark.usefixtures("one_thread"),
]


def train(values: dict[str, Any], out: Path) -> list[events.Event]:
    out.mkdir(exist_ok=True)
    method = values["recipe"]["method"]
    worker: Any = training_reinforce if method in GENERATING else training_preference
    worker = training if method in ("sft", "cpt") else worker
    events.append(out, events.Finished(result=worker.train(values, out)))
    return events.read(out)[0]


@torch.no_grad()
def said_by(model: torch.nn.Module) -> torch.Tensor:
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
    told = train(values, tmp_path / "out")
    kind = TUNINGS[values["recipe"]["tuning"]].artifact
    assert only(told, events.Finished).result == only(told, events.Finished).result | {"artifact": kind, "steps": 3}
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    before, folder = said_by(base), tmp_path / "out" / kind
    again = AutoModelForCausalLM.from_pretrained(folder) if kind == "model" else PeftModel.from_pretrained(base, folder)
    assert not torch.equal(said_by(again), before)


ONES = ("lora", "qlora", "full", "freeze", "oft", "boft", "ia3", "prompt", "prefix")
SHORT: dict[str, Any] = {"max_completion_length": 6, "reward_funcs": "length", "reward_length": 10}
MATRIX = [
    (method, tuning)
    for method in METHODS
    for tuning in ONES
    if TUNINGS[tuning].fits(method) and method not in ("sft", "gkd")
]


@pytest.mark.parametrize(("method", "tuning"), MATRIX)
def test_every_method_trains_with_every_tuning_that_it_offers(
    method: str, tuning: str, tiny_model: Path, tmp_path: Path
) -> None:
    kind = METHODS[method].kinds[0]
    rows = write_rows(tmp_path, "text", ["The quick brown fox"] * 8) if kind == "text" else stored(tmp_path, kind)
    own = SHORT if method in GENERATING else {}
    values = spec(tiny_model, rows, kind, method=method, tuning=tuning, max_steps=2, **own)
    told = train(values, tmp_path / "out")
    assert only(told, events.Finished).result["artifact"] == TUNINGS[tuning].artifact
