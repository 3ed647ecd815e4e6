"""Random adapters that change a model's answers, and the engine in this process with the real vLLM below it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.serve import adapter_loads
from storage import home
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint, Model, Run
from tests.serving import active, end_all, finished_run, ready_model, until

MAKE = """
import sys, torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM
base = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
for number, folder in enumerate(sys.argv[2:]):
    torch.manual_seed(number)
    rank = 16 if number == 2 else 8
    model = get_peft_model(base, LoraConfig(r=rank, lora_alpha=rank, target_modules="all-linear"))
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.06)
    model.save_pretrained(folder)
    base = model.unload()
"""


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, starter_model: Path, vllm_python: Path) -> Iterator[Model]:
    """The starter model, ready; vLLM within little memory, its caches in the test's folder."""
    monkeypatch.setenv("TUNESMITH_VLLM_PYTHON", str(vllm_python))
    for name, value in {"VLLM_CPU_KVCACHE_SPACE": "1", "SPT_NOENV": "1", "VLLM_CACHE_ROOT": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(adapter_loads, "SETTLE_SECONDS", 1)
    yield ready_model(starter_model, name="starter")
    end_all()


def trained(model: Model, count: int) -> list[Run]:
    """So many runs, each with an adapter of its own; the third has rank 16, the others 8."""
    runs = [finished_run(model) for _ in range(count)]
    folders = [home.run_folder(run.id) / "adapter" for run in runs]
    for folder in folders:
        shutil.rmtree(folder)
    subprocess.run([sys.executable, "-W", "ignore", "-c", MAKE, str(model.path), *map(str, folders)], check=True)
    return runs


def up(endpoint: Endpoint) -> Backend:
    """The endpoint's backend, as soon as it answers."""
    backend = until(active(endpoint).id, EndpointStatus.READY, seconds=500)
    assert backend.restarts == 0 or backend.attempt > 1
    return backend
