"""A tiny model, and what became of it after a few steps on some rows: two sides of a comparison, made in a second."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.rows.store import columnar


def teach(model: Path, folder: Path, pairs: Sequence[tuple[str, str]], steps: int = 60) -> Path:
    """A copy of the model that has learnt to answer these questions so."""
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForCausalLM.from_pretrained(model)
    rows = [chat(tokenizer, *pair) for pair in pairs]
    width = max(map(len, rows))
    ids = torch.tensor([row + [tokenizer.pad_token_id] * (width - len(row)) for row in rows])
    labels = torch.where(ids == tokenizer.pad_token_id, -100, ids)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(steps):
        loss = network(input_ids=ids, attention_mask=(labels != -100).long(), labels=labels).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    shutil.copytree(model, folder)
    network.save_pretrained(folder, safe_serialization=True)
    return folder


def chat(tokenizer: Any, question: str, answer: str) -> list[int]:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    text = tokenizer.apply_chat_template(turns, tokenize=False).rstrip()
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def write(path: Path, kind: Any, rows: Sequence[dict[str, Any]]) -> Path:
    """Rows as the studio keeps them."""
    with columnar.Writer(path, kind) as writer:
        for number, row in enumerate(rows, 1):
            writer.add(number, row)
        writer.close()
    return path


def chats(pairs: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    return [
        {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}
        for question, answer in pairs
    ]


def side(folder: Path, adapter: Path | None = None, **values: Any) -> dict[str, Any]:
    name = {"name": f"model:{folder.name}", "title": folder.name, "model_path": str(folder)}
    return {**name, "adapter_path": str(adapter) if adapter else None, "scores": False, "head_seed": None, **values}


def spec(base: dict[str, Any], tuned: dict[str, Any], rows: Path, kind: str = "chat", **values: Any) -> dict[str, Any]:
    """What the studio writes to spec.json; answers are kept beside the rows."""
    return {
        "base": base,
        "tuned": tuned,
        "rows": {"path": str(rows), "kind": kind, "held_out_path": None},
        "dataset": {"id": "d", "name": "rows"},
        "method": "sft",
        "recipe": {},
        "primary": None,
        "learnt": [],
        "limit": None,
        "all_rows": False,
        "seed": 0,
        "parameters": 100_000,
        "answers": str(rows.parent / "answers"),
        "dtype": "float32",
        **values,
    }
