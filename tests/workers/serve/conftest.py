"""One server for all tests of this folder."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.process import events
from tests.tiny import TEMPLATE
from tests.waiting import wait_for
from tests.workers.serve.running import Server

KEYS = ("one", "two", "whole", "judge", "judge2")
ADAPTERS = """
import sys, torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
torch.manual_seed(0)
model = get_peft_model(AutoModelForCausalLM.from_pretrained(sys.argv[1]), LoraConfig(r=4, target_modules="all-linear"))
for number, folder in enumerate(sys.argv[2:4]):
    torch.manual_seed(number)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.5)
    model.save_pretrained(folder)
judge = AutoModelForSequenceClassification.from_pretrained(sys.argv[1], num_labels=1)
config = LoraConfig(r=4, target_modules="all-linear", task_type="SEQ_CLS", modules_to_save=["score"])
judge = get_peft_model(judge, config)
torch.nn.init.normal_(judge.score.modules_to_save["default"].weight, std=0.5)
for name, weight in judge.named_parameters():
    if "lora_B" in name:
        torch.nn.init.normal_(weight, std=0.2)
judge.save_pretrained(sys.argv[5])
judge.merge_and_unload().save_pretrained(sys.argv[6])
for folder in sys.argv[5:7]:
    AutoTokenizer.from_pretrained(sys.argv[1]).save_pretrained(folder)
whole = AutoModelForCausalLM.from_pretrained(sys.argv[1])
torch.nn.init.normal_(whole.lm_head.weight, std=0.5)
whole.save_pretrained(sys.argv[4])
"""

# An endless loop, and gigabytes of text, for chats that ask for them; `shout` is a variable that a request may set.
SOMETIMES_HOSTILE = (
    "{% set said = messages[-1].content %}{% set text = namespace(x='aaaaaaaa') %}"
    "{% if said == 'loop' %}{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    "{% elif said == 'double' %}{% for i in range(31) %}{% set text.x = text.x ~ text.x %}{% endfor %}{{ text.x }}"
    "{% endif %}{% if shout %}LOUD {% endif %}"
)


@pytest.fixture(scope="package")
def spec(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What to serve: a base, two adapters, a whole tuned model, and a reward model as adapter and as a whole."""
    folder = tmp_path_factory.mktemp("trained")
    base = folder / "base"
    shutil.copytree(tiny_model, base)
    (base / "chat_template.jinja").write_text(SOMETIMES_HOSTILE + TEMPLATE)
    folders = [str(folder / name) for name in KEYS]
    subprocess.run([sys.executable, "-W", "ignore", "-c", ADAPTERS, str(tiny_model), *folders], check=True)
    return {
        "model_path": str(base),
        "adapters": dict(zip(KEYS, folders, strict=True)),
        "names": {
            "m": "one",
            "m:base": "",
            "m:one": "one",
            "m:two": "two",
            "m:whole": "whole",
            "m:judge": "judge",
            "m:judge2": "judge2",
        },
        "device": "cpu",
        "dtype": "float32",  # in bfloat16 random weights often give two tokens one score; batches round it either way
    }


@pytest.fixture(scope="package")
def server(spec: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("serve")
    running = Server(folder / "out", spec | {"socket": str(folder / "s")})
    wait_for(lambda: running.recorded() or running.process.poll() is not None, 120)
    yield running
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(60) == 0
    end = running.recorded()[-1]
    assert isinstance(end, events.Finished)
    assert end.outcome == "stopped"
