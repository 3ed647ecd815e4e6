"""The engine without its window, on this machine's GPU: a generated model, generated rows, runs to their end."""

import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from engine.life import reconciler
from engine.process import process, work
from engine.recipes.recipe import Recipe
from engine.runs import curves, runs
from engine.train import probe as fit_probe
from engine.weights.inspection import inspect
from storage import db, home
from storage.statuses import RUN_MOVING, WORK_MOVING, DatasetStatus, ModelStatus
from storage.tables import Dataset, Model, Run, Work
from tests.conftest import ROOT
from tests.workers.train.judged import assistant_turns, pairs, prompts, store_rows

VOCABULARY = "the quick brown fox jumps over a lazy dog and seventeen plus six equals twenty three".split()  # noqa: SIM905
SHAPE = {
    "vocab_size": 49152,
    "hidden_size": 1536,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 24,
    "num_key_value_heads": 8,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": True,
}
ROWS = {"sft": "chat", "dpo": "preference", "orpo": "preference", "grpo": "prompt"}


def make_model(folder: Path) -> None:
    """A random Llama of 0.68 billion bfloat16 weights, with the tiny tokenizer: its vocabulary is larger than that."""
    import torch  # noqa: PLC0415
    from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415

    subprocess.run([sys.executable, "-m", "tests.tiny", str(folder)], check=True, cwd=ROOT)
    tiny_config = json.loads((folder / "config.json").read_text())
    tokens = {name: tiny_config[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    torch.manual_seed(0)
    with torch.device("cuda"):
        model = LlamaForCausalLM(LlamaConfig(**SHAPE, **tokens)).to(torch.bfloat16)
    model.save_pretrained(folder)


def chats(count: int = 256) -> list[dict[str, Any]]:
    """Chats of very different lengths, up to about 700 tokens of the tiny tokenizer."""
    dice = random.Random(0)
    rows = []
    for number in range(count):
        answer = " ".join(dice.choices(VOCABULARY, k=dice.randint(5, 120)))
        rows.append({"messages": [{"role": "user", "content": f"Say {number}."}, *assistant_turns(answer)]})
    return rows


def furnish(model_path: Path, tiny_path: Path, folder: Path) -> None:
    """The rows of a home: that model, the tiny one, and a dataset of each kind under the kind's name."""
    kinds: dict[Any, list[dict[str, Any]]] = {"chat": chats(), "preference": pairs(64), "prompt": prompts(64)}
    with db.session() as session:
        for name, path in (("model", model_path), ("tiny", tiny_path)):
            model_row = Model(
                id=name, source="path", source_id=name, name=name, path=str(path), status=ModelStatus.READY
            )
            model_row.parameters, model_row.has_chat_template, model_row.trainable = (
                inspect(path).parameters,
                True,
                True,
            )
            session.add(model_row)
        for number, (kind, rows) in enumerate(kinds.items()):
            table = store_rows(folder, kind, rows)
            sha256 = f"{number}" * 64
            table.rename(home.ensure_folder(home.blobs()) / f"{sha256}.parquet")
            dataset = Dataset(id=kind, project_id="default", name=kind, sha256=sha256, kind=kind, rows=len(rows))
            dataset.accepted, dataset.status, dataset.size_bytes = len(rows), DatasetStatus.READY, 100_000
            session.add(dataset)


def recipe(**fields: Any) -> Recipe:
    method = str(fields.get("method", "sft"))
    usual = {"model_id": "model", "dataset_id": ROWS[method], "max_steps": 6, "max_length": 1024, "save_steps": 1000}
    return Recipe.model_validate({**usual, "per_device_train_batch_size": 8, **fields})


def _tick() -> None:
    for name in ("work", "runs", "devices"):
        reconciler.TICKS[name]()


def train(recipe: Recipe, seconds: float = 240) -> Run:
    """One run through queue, shim and worker to its end."""
    run = runs.start_run("gpu", recipe)
    deadline = time.monotonic() + seconds
    while (run := runs.look_up(run.id)).status in RUN_MOVING and time.monotonic() < deadline:
        _tick()
        threading.Event().wait(0.2)
    if run.status in RUN_MOVING:
        process.kill(home.run_folder(run.id))
    return run


def probe(recipe: Recipe, seconds: float = 240) -> Work:
    """A fit probe of that recipe, to its end."""
    job = fit_probe.start(recipe)
    deadline = time.monotonic() + seconds
    while (job := work.look_up(job.id)).status in WORK_MOVING and time.monotonic() < deadline:
        _tick()
        threading.Event().wait(0.2)
    return job


def summary(run: Run) -> str:
    """A line about a run, for whoever reads the test's output."""
    facts = run.facts
    ending = (facts.ending or {}).get("result") or {}
    loss = [round(value, 3) for _, value in curves.read(run.id, "loss").points]
    speed = [round(value) for _, value in curves.read(run.id, "tokens_per_second").points]
    shown = {
        name: getattr(facts, name)
        for name in ("fast_loss", "attention", "liger_kernel", "packing", "strategy", "notes")
    }
    return f"{run.status} loss {loss} tokens/s {speed} {ending} {shown} {run.error or ''} {run.hint or ''}"
