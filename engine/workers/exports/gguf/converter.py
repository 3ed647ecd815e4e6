"""llama.cpp's converter, run as a program: a folder of safetensors becomes a GGUF.

It loads tokenizers with trust_remote_code, so what it is given has no code and names none, and it reaches no hub.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.exports import contents
from engine.workers.contract import WorkFailedError
from engine.workers.runtimes import pip, token_check

MODEL, ADAPTER = "convert_hf_to_gguf.py", "convert_lora_to_gguf.py"
CONFIGS = ("config.json", "tokenizer_config.json")


def stage(source: Path, folder: Path) -> None:
    """A model's files in a folder of their own: linked, and the two that may name code copied without it."""
    folder.mkdir(parents=True)
    for path in contents.files(source):
        target = folder / path.relative_to(source)
        target.parent.mkdir(exist_ok=True)
        if path.name in CONFIGS:
            target.write_bytes(path.read_bytes())
        elif path.name != contents.CARD:
            target.symlink_to(path)
    forget_code(folder)


def forget_code(folder: Path) -> None:
    """Takes `auto_map` away, which would have a class loaded from somewhere."""
    for path in (folder / name for name in CONFIGS):
        if path.is_file() and "auto_map" in (config := json.loads(path.read_text(encoding="utf-8"))):
            del config["auto_map"]
            path.write_text(json.dumps(config, indent=2, ensure_ascii=False), encoding="utf-8")


def end_with(folder: Path, token: str | None) -> None:
    """Names the token that ends an answer as the tokenizer's end, which is all that GGUF has a place for."""
    path = folder / "tokenizer_config.json"
    if token is None or not path.is_file():
        return
    config = json.loads(path.read_text(encoding="utf-8"))
    known = config.get("eos_token")
    if token != (known.get("content") if isinstance(known, dict) else known):
        path.write_text(json.dumps(config | {"eos_token": token}, indent=2, ensure_ascii=False), encoding="utf-8")


def convert(runtime: Path, script: str, arguments: Sequence[str], scratch: Path) -> None:
    """Runs one of its scripts. Raises WorkFailedError with its own last words."""
    command = [sys.executable, str(runtime / "converter" / script), *arguments]
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(scratch / "hub"), "PYTHONPATH": str(runtime / "packages")}
    done = subprocess.run(
        command, env=pip.environment() | offline, cwd=scratch, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        errors="replace", check=False,
    )  # fmt: skip
    sys.stderr.write(done.stdout + done.stderr)
    if done.returncode:
        words = token_check.cause(done.stderr + done.stdout)
        hint = "Take the merged model, and convert it with a llama.cpp that knows it."
        raise WorkFailedError("config", f"llama.cpp's converter does not take this model: {words}", hint)
