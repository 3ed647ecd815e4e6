"""Makes a GGUF of a model or an adapter: `python -m engine.workers.exports.gguf.make SPEC.json OUT/`.

Spec: {"base_path", "adapter_path" (null: the base is a whole model), "of": "model" or "adapter", "type", "base_type"
(of the base beside an adapter), "name" (of the file, without its ending), "card", "run_folder", "runtimes" (where
llama.cpp is, or will be), "install": the spec of its installation, or null}.

Fetches llama.cpp if it is missing, asks the trained form, merges in float32, converts, quantises, and asks the file.
Leaves OUT/gguf: the file, a Modelfile and the card; it appears under this name when all of that was done.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engine.exports import contents
from engine.exports.gguf import BY_CONVERTER, FOLDER
from engine.process import events
from engine.workers import contract
from engine.workers.contract import WorkFailedError
from engine.workers.exports import aside, comparing, rounding, whole
from engine.workers.exports.gguf import converter, modelfile, quantise, reading, scales
from engine.workers.runtimes import install

NICE = 10
STEPS = 6
MODELFILE = "Modelfile"
RUNTIME = "llama"


@dataclass
class Job:
    """What is asked for, where it is made, and what there is to say about it so far."""

    spec: dict[str, Any]
    out: Path
    runtime: Path
    folder: Path  # what is taken away
    notes: list[str]

    @property
    def scratch(self) -> Path:
        return self.folder.parent

    @property
    def file(self) -> Path:
        return self.folder / f"{self.spec['name']}.gguf"

    @property
    def base(self) -> Path:
        return Path(self.spec["base_path"])

    @property
    def adapter(self) -> Path | None:
        return Path(self.spec["adapter_path"]) if self.spec["adapter_path"] else None

    def tell(self, done: int, stage: str) -> None:
        """Says what is done next, unless somebody has asked to stop."""
        if contract.stop_requested(self.out):
            raise contract.Stopped
        events.append(self.out, events.Progress(done=done, total=STEPS, stage=stage))


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """As `make`, with half of the cores at most, and those only when nobody else wants them."""
    os.nice(NICE)
    torch.set_num_threads(max(1, torch.get_num_threads() // 2))
    return make(spec, out)


@torch.no_grad()
def make(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """The whole of it. The result has size, seconds, notes, and how exact the file is (see comparing)."""
    began = time.monotonic()
    runtime = install.ensure(spec["install"], Path(spec["runtimes"]), RUNTIME, out)
    with aside.aside(out, FOLDER) as folder:
        job = Job(spec, out, runtime, folder, [])
        trained = _asked(job)
        alone = job.adapter if spec["of"] == "adapter" else None
        result = _adapter(job, trained, alone) if alone else _model(job, trained)
        (folder / contents.CARD).write_text(spec["card"], encoding="utf-8")
    size = aside.size_of(out / FOLDER)
    seconds = round(time.monotonic() - began, 1)
    return {
        "folder": FOLDER,
        "file": job.file.name,
        "size_bytes": size,
        "seconds": seconds,
        "notes": job.notes,
        **result,
    }


def _asked(job: Job) -> comparing.Trained:
    """What the trained form says; its merge then lies in scratch/model, ready for the converter."""
    job.tell(0, "loading the base")
    tokenizer_path = whole.tokenizer_folder(job.base, job.adapter)
    model = whole.opened(job.base, torch.float32)
    prompts = rounding.prompts(tokenizer_path, model)
    if job.adapter:
        model = whole.tuned(whole.enlarged(model, job.adapter), job.adapter)
    job.tell(1, "asking the trained form")
    trained = comparing.ask(model, tokenizer_path, job.spec["run_folder"])
    place = job.scratch / "model"
    if job.spec["of"] == "adapter" or job.adapter is None:
        converter.stage(job.base, place)
    else:
        job.tell(2, "merging")
        whole.save(whole.merged(model, prompts), place, job.base, job.adapter)
        converter.forget_code(place)
    if job.spec["of"] == "model" and trained.ends:
        converter.end_with(place, trained.tokenizer.convert_ids_to_tokens(trained.ends[0]))
    return trained


def _model(job: Job, trained: comparing.Trained) -> dict[str, Any]:
    kind = str(job.spec["type"])
    job.tell(3, "converting")
    is_direct = kind in BY_CONVERTER
    first = job.file if is_direct else job.scratch / "full.gguf"
    arguments = [str(job.scratch / "model"), "--outtype", kind if is_direct else "f32", "--outfile", str(first)]
    converter.convert(job.runtime, converter.MODEL, [*arguments, "--model-name", job.spec["title"]], job.scratch)
    if not is_direct:
        job.tell(4, f"quantising to {kind}")
        quantised_by = quantise.quantise(job.runtime, first, job.file, kind)
        job.notes += [f"Quantised by {quantised_by}.", *_fallen_back(job)]
    job.tell(5, "comparing answers")
    compared, adds_bos = _compared(job, trained, kind, first)
    _write_modelfile(job, trained, adds_bos)
    return {"parity": compared, "type": kind, "parameters": job.spec["parameters"]}


def _fallen_back(job: Job) -> list[str]:
    count, tensors = quantise.fallen_back(job.runtime, job.file)
    words = f"{count} of {tensors} tensors have rows that {quantise.BLOCK} does not divide: they are kept in more bits."
    return [words] if count else []


def _compared(job: Job, trained: comparing.Trained, kind: str, source: Path) -> tuple[dict[str, Any], bool]:
    """The parity of the file, and whether llama.cpp puts a token of its own before every text."""
    checks, adds_bos = [], False
    try:
        measured = reading.by_llama_cpp(job.runtime, job.file, trained, kind)
        checks.append(measured.parity)
        adds_bos = measured.adds_bos
        job.notes += _unknown_ends(measured.unknown_ends, trained)
    except OSError as error:
        job.notes.append(f"llama.cpp's library cannot be loaded here ({error})."[:300])
    if by_transformers := reading.by_transformers(job.file, trained, kind):
        checks.append(by_transformers)
    return (reading.worst(checks) if checks else _unasked(job, source)), adds_bos


def _unasked(job: Job, source: Path) -> dict[str, Any]:
    """Nothing here can run the file: its weights are compared with those it was quantised from."""
    apart = quantise.weights_apart(job.runtime, source, job.file)
    words = f"its weights are {apart:.1%} from those it was made of"
    return {"rows": 0, "identical": None, "differs": [], "good": None, "checked_by": words, "weights_apart": apart}


def _unknown_ends(tokens: list[int], trained: comparing.Trained) -> list[str]:
    if not tokens:
        return []
    named = ", ".join(trained.tokenizer.convert_ids_to_tokens(tokens))
    return [f"llama.cpp does not know that {named} ends an answer: give it as a stop word, as the Modelfile does."]


def _adapter(job: Job, trained: comparing.Trained, adapter: Path) -> dict[str, Any]:
    job.tell(3, "converting the adapter")
    staged, base = job.scratch / job.spec["name"], job.scratch / "base.gguf"
    scales.stage(adapter, staged)
    model = str(job.scratch / "model")
    arguments = [str(staged), "--base", model, "--outtype", job.spec["type"], "--outfile", str(job.file)]
    converter.convert(job.runtime, converter.ADAPTER, arguments, job.scratch)
    job.tell(4, "converting the base, to compare")
    arguments = [model, "--outtype", job.spec["base_type"], "--outfile", str(base)]
    converter.convert(job.runtime, converter.MODEL, arguments, job.scratch)
    job.tell(5, "comparing answers")
    try:
        coarser = "q8_0" if job.spec["type"] == "q8_0" else job.spec["base_type"]
        measured = reading.by_llama_cpp(job.runtime, base, trained, coarser, job.file)
    except OSError as error:
        hint = "Take the adapter as it is, or the whole model as GGUF."
        raise WorkFailedError("config", f"llama.cpp's library cannot be loaded here: {error}"[:600], hint) from error
    _write_modelfile(job, trained, measured.adds_bos, job.spec["base_file"])
    return {
        "parity": reading.worst([measured.parity]),
        "type": job.spec["type"],
        "parameters": job.spec["parameters"],
    }


def _write_modelfile(job: Job, trained: comparing.Trained, adds_bos: bool, base: str | None = None) -> None:
    parts = modelfile.parts_of(trained.tokenizer, adds_bos)
    ends = trained.tokenizer.convert_ids_to_tokens(trained.ends)
    (job.folder / MODELFILE).write_text(modelfile.text(job.file.name, parts, ends, base), encoding="utf-8")
    if trained.tokenizer.chat_template is not None and (parts is None or parts.template is None):
        job.notes.append(modelfile.UNLIKE)


if __name__ == "__main__":
    contract.run(work)
