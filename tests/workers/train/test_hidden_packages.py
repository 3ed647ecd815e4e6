"""A training imports what it needs: the first loss is seconds away, and most of them are imports."""

import subprocess
import sys

from tests.workers.train.training_runs import ROOT

IMPORTS = """
import sys
from engine.workers.train import hidden_packages
hidden_packages.hide({recipe})
from engine.workers import lean_imports
with lean_imports.importing():
    from engine.workers.train import training
names = ("bitsandbytes", "deepspeed", "wandb", "mlflow", "sqlmodel", "gradio", "scipy")
print([name for name in names if sys.modules.get(name)])
import scipy  # who needs it later has it
"""


def imported(recipe: dict[str, str]) -> str:
    code = IMPORTS.format(recipe=recipe)
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert process.returncode == 0, process.stderr[-3000:]
    return process.stdout.strip()


def test_a_training_imports_no_library_it_does_not_use_and_no_database() -> None:
    assert imported({"tuning": "lora", "optim": "adamw_torch"}) == "[]"


def test_what_a_recipe_needs_is_left_to_be_found() -> None:
    code = "\n".join(
        (
            "import sys",
            "from engine.workers.train import hidden_packages",
            "hidden_packages.hide({'tuning': 'qlora', 'strategy': 'deepspeed_zero2'})",
            "print(sorted(name for name in ('bitsandbytes', 'deepspeed', 'wandb') if name in sys.modules))",
            "hidden_packages.hide({'tuning': 'lora', 'optim': 'paged_adamw_8bit'})",
            "print(sorted(name for name in ('bitsandbytes', 'deepspeed', 'wandb') if name in sys.modules))",
        )
    )
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert process.stdout.split("\n")[:2] == ["['wandb']", "['deepspeed', 'wandb']"]
