"""The same supervised training by LLaMA-Factory, where TUNESMITH_LLAMAFACTORY_PYTHON names a Python that has it."""

import json
import os
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

ALPACA = {"prompt": "instruction", "response": "output"}


def python() -> str | None:
    return os.environ.get("TUNESMITH_LLAMAFACTORY_PYTHON") or None


def train(program: str, spec: dict[str, Any], folder: Path) -> float:
    """Trains into `folder`; seconds of the steps after the skipped ones. Raises SystemExit with its last words."""
    folder.mkdir()
    turns = [row["messages"] for row in spec["train"]]
    found = [{"instruction": asked["content"], "output": answer["content"]} for asked, answer in turns]
    (folder / "rows.json").write_text(json.dumps(found), encoding="utf-8")
    known = {"rows": {"file_name": "rows.json", "columns": ALPACA}}
    (folder / "dataset_info.json").write_text(json.dumps(known), encoding="utf-8")
    file = folder / "train.yaml"
    file.write_text(yaml.safe_dump(settings(spec, folder)), encoding="utf-8")
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "DISABLE_VERSION_CHECK": "1", "CUDA_VISIBLE_DEVICES": ""}
    if spec["device"] != "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = "0"
    argv = [program, "-m", "llamafactory.cli", "train", str(file)]
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"LLaMA-Factory failed:\n{done.stderr[-3000:]}")
    return _seconds(folder, spec)


def settings(spec: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The same training in its words. Without a template it takes the tokenizer's own."""
    return {
        "stage": "sft",
        "do_train": True,
        "model_name_or_path": spec["model"],
        "dataset_dir": str(folder),
        "dataset": "rows",
        "output_dir": str(folder),
        "finetuning_type": "lora",
        "lora_rank": 16,
        "lora_alpha": 32,
        "lora_target": "all",
        "cutoff_len": spec["max_length"],
        "max_steps": spec["steps"],
        "per_device_train_batch_size": spec["batch"],
        "gradient_accumulation_steps": 1,
        "learning_rate": spec["learning_rate"],
        "lr_scheduler_type": "linear",
        "bf16": True,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "overwrite_output_dir": True,
        "use_cpu": spec["device"] == "cpu",
    }


def _seconds(folder: Path, spec: dict[str, Any]) -> float:
    """From its log, which tells whole seconds: use enough steps."""
    lines = (folder / "trainer_log.jsonl").read_text(encoding="utf-8").splitlines()
    ends = [_duration(json.loads(line)["elapsed_time"]) for line in lines if "loss" in line]
    return float(max(ends[spec["steps"] - 1] - ends[spec["skip"] - 1], 1.0))


def _duration(text: str) -> float:
    hours, minutes, seconds = (int(part) for part in text.split(":"))
    return timedelta(hours=hours, minutes=minutes, seconds=seconds).total_seconds()
