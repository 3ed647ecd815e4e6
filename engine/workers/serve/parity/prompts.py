"""The prompts that two forms of a model are asked: a fixed set, and rows that a training has held out."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow

from engine.rows.heldout import record
from engine.rows.store import by_position

Prompt = list[dict[str, str]]  # turns, the last one the user's

FIXED = (
    "What is the capital of France?",
    "What is 17 plus 6?",
    "Write a Python function that adds two numbers.",
    "오늘 날씨가 어때요? 한 문장으로 답해 주세요.",
    'Answer with JSON only: {"name": "Ada", "age": 36} one year later.',
    "Name three fruits, one a line.",
    "Translate into English: 나는 책을 읽는 것을 좋아합니다.",
    "Explain in one sentence why the sky is blue.",
)
SPEC = "spec.json"  # what the training was told, in the run's folder
MOST_CHARACTERS = 4000  # of a row; longer ones are left out


def fixed() -> list[Prompt]:
    """Eight questions of the kinds that people ask, Korean and code among them."""
    return [[{"role": "user", "content": text}] for text in FIXED]


def held_out(run_folder: Path, count: int) -> list[Prompt]:
    """The questions of up to `count` rows that the run has held out, those kept for reports first; fewer if need be."""
    try:
        held = record.read(run_folder / record.FILE)
        dataset = Path(json.loads((run_folder / SPEC).read_text(encoding="utf-8"))["dataset_path"])
    except (OSError, KeyError, pyarrow.ArrowException, ValueError):
        return []
    if held is None or not dataset.is_file():
        return []
    positions = [int(place) for part in ("test", "eval") for place in held.positions(part)][: 4 * count]
    questions = (question(row) for row in by_position.read_rows(dataset, positions))
    return [turns for turns in questions if turns][:count]


def question(row: Mapping[str, Any]) -> Prompt:
    """What a row asks: the turns up to the first answer. Empty where it asks nothing, or calls tools."""
    asked = row.get("messages") or row.get("prompt") or ()
    turns = [{"role": "user", "content": asked}] if isinstance(asked, str) else _up_to_answer(asked)
    whole = turns and turns[-1]["role"] == "user" and not row.get("tools")
    return turns if whole and sum(len(turn["content"]) for turn in turns) <= MOST_CHARACTERS else []


def _up_to_answer(turns: Sequence[Mapping[str, Any]]) -> Prompt:
    prompt: Prompt = []
    for turn in turns:
        if turn["role"] == "assistant":
            break
        prompt.append({"role": str(turn["role"]), "content": str(turn["content"])})
    return prompt
