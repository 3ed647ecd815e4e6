"""Makes one model of a base and its adapter: `python -m engine.workers.exports.merge SPEC.json OUT/`.

Spec: {"base_path", "adapter_path" (null: the base is a whole model), "scores" (a reward model), "dtype", "card"}.
Everything is computed in float32 on the CPU, and rounded to `dtype` only at the end: rounding before would lose what a
short training has changed. Leaves OUT/model, which appears under this name once it was opened again and answers as base
and adapter do.
"""

import os
import shutil
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, GenerationConfig

from engine.exports import contents
from engine.exports.merging import FOLDER
from engine.process import events
from engine.process.work import SCRATCH
from engine.workers import contract, networks
from engine.workers.contract import WorkFailedError
from engine.workers.exports import parity

NICE = 10  # a training beside it goes first
SHARD = "5GB"
STEPS = 5
OWN = ("config.json", contents.CARD, "adapter_config.json")  # files of the sources that are not the result's


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """As `merge`, with half of the cores at most, and those only when nobody else wants them."""
    os.nice(NICE)
    torch.set_num_threads(max(1, torch.get_num_threads() // 2))
    return merge(spec, out)


@torch.no_grad()
def merge(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Merges, saves, opens again and compares. The result says how large it is and how exact (see parity)."""
    scratch = out / SCRATCH
    for leftover in (scratch, out / FOLDER):
        shutil.rmtree(leftover, ignore_errors=True)
    folder = scratch / FOLDER
    folder.mkdir(parents=True)
    try:
        result = _merged(spec, folder, out)
        folder.rename(out / FOLDER)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    size = sum(path.stat().st_size for path in (out / FOLDER).rglob("*") if path.is_file())
    return {"folder": FOLDER, "size_bytes": size, "dtype": spec["dtype"], **result}


def _merged(spec: dict[str, Any], folder: Path, out: Path) -> dict[str, Any]:
    base_path, adapter_path = Path(spec["base_path"]), spec["adapter_path"] and Path(spec["adapter_path"])
    tokenizer_path = adapter_path if adapter_path and (adapter_path / "tokenizer_config.json").exists() else base_path
    _tell(out, 0, "loading the base")
    model = _opened(base_path, spec, torch.float32)
    prompts = parity.prompts(tokenizer_path, model)
    _tell(out, 1, "merging")
    if adapter_path:
        model, without, wanted = _with_adapter(model, adapter_path, prompts)
    else:
        without = wanted = parity.answers(model, prompts)
    _tell(out, 2, "saving")
    model.to(getattr(torch, spec["dtype"]))
    parity.refuse_infinite(model, spec["dtype"])
    _save(model, folder, [base_path, *([adapter_path] if adapter_path else [])], tokenizer_path)
    (folder / contents.CARD).write_text(spec["card"], encoding="utf-8")
    _tell(out, 3, "opening it again")
    reopened = _opened(folder, spec, getattr(torch, spec["dtype"]))
    parity.refuse_differing(reopened, model)
    del model
    _tell(out, 4, "comparing answers")
    answers = parity.answers(reopened.float(), prompts)
    return parity.compared(answers, wanted, without, spec["dtype"])


def _tell(out: Path, done: int, stage: str) -> None:
    events.append(out, events.Progress(done=done, total=STEPS, stage=stage))


def _opened(path: Path, spec: dict[str, Any], dtype: torch.dtype) -> Any:
    """The model on the CPU. Raises WorkFailedError when its files cannot be loaded, or some weights are missing."""
    model_class: Any = AutoModelForSequenceClassification if spec["scores"] else AutoModelForCausalLM
    options: dict[str, Any] = {"num_labels": 1} if spec["scores"] else {}
    try:
        model, info = model_class.from_pretrained(
            path, dtype=dtype, local_files_only=True, trust_remote_code=False, use_safetensors=True,
            output_loading_info=True, **options,
        )  # fmt: skip
    except (OSError, ValueError, SafetensorError) as error:
        hint = "Fetch or add the model again on the Models page."
        raise WorkFailedError("data", f"The model cannot be loaded: {error}"[:1000], hint) from error
    missing = sorted(name for name in info["missing_keys"] if not (spec["scores"] and name.startswith("score.")))
    if missing:
        raise WorkFailedError("data", f"The model's files lack {missing[0]}.", "Fetch or add the model again.")
    return model.eval()


def _with_adapter(base: Any, adapter: Path, prompts: parity.Prompts) -> tuple[Any, parity.Answers, parity.Answers]:
    """The merged model in float32; what the base says without the adapter, and what it says with it."""
    try:
        networks.enlarge(base, networks.adapter_rows(base, adapter))
        without = parity.answers(base, prompts)
        tuned = PeftModel.from_pretrained(base, adapter, is_trainable=False)
        wanted = parity.answers(tuned, prompts)
        merged: Any = tuned.merge_and_unload(safe_merge=True)  # a head that was trained apart is untied here
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        message = f"The adapter and its base cannot become one model: {error}"[:1000]
        raise WorkFailedError("data", message, "Take the adapter, and use it with the base.") from error
    parity.refuse_unlike(parity.answers(merged, prompts), wanted, "float32")
    return merged, without, wanted


def _save(model: Any, folder: Path, sources: list[Path], tokenizer_path: Path) -> None:
    """Weights and configuration as transformers saves them; tokenizer and generation_config as they lie there."""
    model.generation_config = GenerationConfig()  # the real one is copied: some that are in use do not pass its checks
    model.save_pretrained(folder, max_shard_size=SHARD)
    for path in contents.files(tokenizer_path):
        if path.suffix != ".safetensors" and not path.name.endswith(".index.json") and path.name not in OWN:
            target = folder / path.relative_to(tokenizer_path)
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, target)
    (folder / "generation_config.json").unlink(missing_ok=True)
    for source in sources:  # what the training has left counts more than what the base came with
        if (source / "generation_config.json").is_file():
            shutil.copyfile(source / "generation_config.json", folder / "generation_config.json")


if __name__ == "__main__":
    contract.run(work)
