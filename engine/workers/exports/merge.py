"""Makes one model of a base and its adapter: `python -m engine.workers.exports.merge SPEC.json OUT/`.

Spec: {"base_path", "adapter_path" (null: the base is a whole model), "scores" (a reward model), "dtype", "card",
"run_folder" (whose held-out rows it is asked, or null)}.
Everything is computed in float32 on the CPU, and rounded to `dtype` only at the end: rounding before would lose what a
short training has changed. Leaves OUT/model, which appears under this name once it was opened again and compared.
"""

import os
import time
from pathlib import Path
from typing import Any

import torch

from engine.exports import contents, parity
from engine.exports.merging import FOLDER
from engine.process import events
from engine.workers import contract
from engine.workers.exports import aside, comparing, rounding, whole

NICE = 10  # a training beside it goes first
STEPS = 6


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """As `merge`, with half of the cores at most, and those only when nobody else wants them."""
    os.nice(NICE)
    torch.set_num_threads(max(1, torch.get_num_threads() // 2))
    return merge(spec, out)


@torch.no_grad()
def merge(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Merges, saves, opens again and compares. The result says how large it is and how exact (see comparing)."""
    began = time.monotonic()
    with aside.aside(out, FOLDER) as folder:
        result = _merged(spec, folder, out)
    size = aside.size_of(out / FOLDER)
    seconds = round(time.monotonic() - began, 1)
    return {"folder": FOLDER, "size_bytes": size, "dtype": spec["dtype"], "seconds": seconds, **result}


def _merged(spec: dict[str, Any], folder: Path, out: Path) -> dict[str, Any]:
    base_path, adapter_path = Path(spec["base_path"]), spec["adapter_path"] and Path(spec["adapter_path"])
    dtype, tokenizer_path = getattr(torch, spec["dtype"]), whole.tokenizer_folder(base_path, adapter_path)
    _tell(out, 0, "loading the base")
    model = whole.opened(base_path, torch.float32, spec["scores"])
    prompts = rounding.prompts(tokenizer_path, model)
    model = whole.enlarged(model, adapter_path) if adapter_path else model
    without = rounding.answers(model, prompts)
    model = whole.tuned(model, adapter_path) if adapter_path else model
    _tell(out, 1, "asking the trained form")
    trained = None if spec["scores"] else comparing.ask(model, tokenizer_path, spec.get("run_folder"))
    expected = rounding.answers(model, prompts)
    _tell(out, 2, "merging")
    model = whole.merged(model, prompts) if adapter_path else model
    _tell(out, 3, "saving")
    model.to(dtype)
    rounding.refuse_infinite(model, spec["dtype"])
    whole.save(model, folder, base_path, adapter_path)
    (folder / contents.CARD).write_text(spec["card"], encoding="utf-8")
    _tell(out, 4, "opening it again")
    reopened = whole.opened(folder, dtype, spec["scores"])
    rounding.refuse_differing(reopened, model)
    parameters = model.num_parameters()
    del model
    _tell(out, 5, "comparing answers")
    reopened = reopened.float()
    numbers = rounding.compared(rounding.answers(reopened, prompts), expected, without, spec["dtype"])
    return {
        "parameters": parameters,
        "notes": numbers.pop("notes"),
        "parity": numbers | (_compared(reopened, folder, trained, spec["dtype"]) if trained else {"good": True}),
    }


def _compared(model: Any, folder: Path, trained: comparing.Trained, dtype: str) -> dict[str, Any]:
    """The merged model asked what the trained form was asked, with the tokenizer in its own folder."""
    form = comparing.Transformers(comparing.voice(model, folder)[0])
    return comparing.compared(form, trained, parity.LIMITS[dtype], "transformers")


def _tell(out: Path, done: int, stage: str) -> None:
    if contract.stop_requested(out):
        raise contract.Stopped
    events.append(out, events.Progress(done=done, total=STEPS, stage=stage))


if __name__ == "__main__":
    contract.run(work)
